using LDaeCore.Model.Journey;
using LDaeCore.Tests.Cuda;
using LDaeCore.Tests.Distributed;
using NUnit.Framework;
using Invocation = LDaeCore.Tests.Runner.CommandLine;

namespace LDaeCore.Tests.Recorded;

/// <summary>
/// Every preset, every step of the journey and every trained tokenizer at a tiny size for ten optimizer steps, through the command line: losses and parameters
/// have the bits of <see cref="BitRecord"/>, which says how they are recorded anew. A change that is meant to change nothing leaves them as they are.
/// </summary>
[NonParallelizable]
internal sealed class RecordedBitsTests : FolderPerFixture
{
    private const int Steps = 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly string[] Network =
    [
        "network.width=16", "network.depth=2", "network.encoderDepth=1", "network.heads=2",
        "train.batch=8", $"train.steps={Steps}", "train.logEvery=1", "train.checkpointEvery=0",
    ];

    private static readonly string[] Images = ["--data", "synthetic:40", "--seed", "3"];

    private static readonly string[] LatentsOnly = ["objective.input=latent", "objective.output=latent"];

    /// <summary>What no preset and no step does, each on several devices.</summary>
    private static readonly Dictionary<string, string[]> Variants = new()
    {
        ["accumulate"] = ["train.accumulate=2", "train.ema=0.9", "train.weightDecay=0.1", "train.clip=0.05", "data.crop=random", "data.flip=true"],
        ["recompute"] = ["network.recompute=true", "network.depth=3", "train.accumulate=4", "train.ema=0"],
        ["class"] =
        [
            "conditioning.class=true", "conditioning.labelDropout=0.3", "conditioning.time=false", "noise.schedule=linearBeta", "objective.target=noise",
            .. LatentsOnly,
        ],
        ["watched"] =
        [
            "train.knnEvery=2", "train.checkpointEvery=3", "train.keep=1", "data.holdOut=0.3", "tokenizer.scale=whiten", "objective.residualWeight=0.5",
        ],
        ["spikes"] = ["train.spikeFactor=1.2", "train.checkpointEvery=5", "train.lr=0.02", "train.batch=2", "train.steps=24"],
    };

    private static readonly string[] Trained = ["patchAe", "patchVae", "convVae"];

    private static readonly string[] InBf16 = ["dit", "linear-gamma", "patch-vae", "pixel-input", "l-dae", "random-crop", "classical-dae"];

    private string _journey = "";

    private static IEnumerable<string> Presets => LDaeCore.Model.Recipes.Presets.Names;

    private static IEnumerable<string> OnTheProcessor => JourneySteps.All.Select(step => step.Name);

    private static IEnumerable<TestCaseData> OnTheEmulator =>
        OnTheProcessor.Select(name => new TestCaseData(name, "fp32")).Concat(InBf16.Select(name => new TestCaseData(name, "bf16")));

    private static IEnumerable<TestCaseData> Varied =>
    [
        .. Variants.Keys.Select(name => new TestCaseData(name, "cpu", 1)),
        new("accumulate", "cpu", 2), new("class", "cpu", 2), new("recompute", "cpu", 2),
        new("accumulate", "emulated-fp32", 1), new("accumulate", "emulated-bf16", 1), new("recompute", "emulated-bf16", 1), new("class", "emulated-fp32", 1),
        new("watched", "emulated-fp32", 1), new("accumulate", "emulated-fp32", 2), new("accumulate", "emulated-bf16", 2),
    ];

    private static IEnumerable<TestCaseData> Tokenizers =>
        [.. Trained.SelectMany(kind => (TestCaseData[])[new(kind, "cpu"), new(kind, "emulated-fp32")]), new("convVae", "emulated-bf16")];

    /// <summary>Makes the whole journey on the processor, once: its folders hold the recipe of each step.</summary>
    [OneTimeSetUp]
    public void MakeTheJourney()
    {
        _journey = Folder["journey"];
        Done(["journey", "--preset", "tiny", .. Images, "--device", "cpu", "--out", _journey, "--json", .. Set([.. Network, "tokenizer.trainEpochs=1"])]);
    }

    [TestCaseSource(nameof(Presets))]
    public void A_preset_has_the_recorded_bits(string preset)
    {
        // The energy of patches chooses the latents of natural64, on patches of 8; the paper's are too large here.
        string[] size = preset == "natural64" ? ["data.imageSize=16"] : ["data.imageSize=8", "tokenizer.patch=4"];
        var run = Pretrain("cpu", ["--preset", preset, .. Images, .. Set([.. size, .. Network])]);
        BitRecord.Require(NameOf("preset", preset, "cpu"), Outcome.OfRun(run));
    }

    [TestCaseSource(nameof(OnTheProcessor))]
    public void A_step_of_the_journey_has_the_recorded_bits(string step) => BitRecord.Require(NameOf("journey", step, "cpu"), Outcome.OfRun(RunOf(step)));

    [TestCaseSource(nameof(OnTheEmulator))]
    public void A_step_of_the_journey_on_the_emulated_device_has_the_recorded_bits(string step, string precision)
    {
        EmulatedBackendTests.Device();

        // A convolution takes its time there: one step trains its tokenizer, the other is given one.
        string[] tokenizer = step == "linear-gamma" ? ["--tokenizer", Path.Combine(RunOf("conv-vae"), "tokenizer")] : [];
        var config = Path.Combine(RunOf(step), "config.json");
        var run = Pretrain("emulated", ["--config", config, .. tokenizer, .. Images, .. Set([$"train.precision={precision}"])]);
        BitRecord.Require(NameOf("journey", step, "emulated-" + precision), Outcome.OfRun(run), emulated: true, precision == "bf16");
    }

    [TestCaseSource(nameof(Varied))]
    public void A_variant_has_the_recorded_bits(string variant, string device, int processes)
    {
        var emulated = Emulated(device);
        string[] recipe =
        [
            "--preset", "cifar-tiny", .. Images,
            .. Set(["data.imageSize=8", .. Network, "network.gateInit=random", $"train.precision={PrecisionOf(device)}", .. Variants[variant]]),
        ];
        string run;
        if (processes == 1)
        {
            run = Pretrain(device.Split('-')[0], recipe);
        }
        else
        {
            run = NewFolder();
            using var group = MpiRun.StartByHand(processes, run, [.. recipe, "--device", device.Split('-')[0]]);
            Assert.That(group.Wait(Patience), Is.All.Zero, group.Errors);
        }

        BitRecord.Require(NameOf("variant", variant, device, processes), Outcome.OfRun(run), emulated, PrecisionOf(device) == "bf16");
    }

    [TestCaseSource(nameof(Tokenizers))]
    public void A_trained_tokenizer_has_the_recorded_bits(string kind, string device)
    {
        var emulated = Emulated(device);
        var folder = NewFolder();
        string[] settings =
        [
            "data.imageSize=8", "data.crop=random", "data.flip=true", .. LatentsOnly, $"tokenizer.kind={kind}", "tokenizer.channels=4", "tokenizer.blocks=1",
            $"tokenizer.trainEpochs={Steps / 5.0}", "tokenizer.trainBatch=8", $"train.precision={PrecisionOf(device)}",
        ];
        string[] command = ["tokenizer", "train", "--preset", "demo", .. Images, "--images", "4", "--device", device.Split('-')[0], "--out", folder, "--json"];
        var trained = Done([.. command, .. Set(settings)]);
        Assert.That(trained.Json.GetProperty("steps").GetInt32(), Is.EqualTo(Steps));
        BitRecord.Require(NameOf("tokenizer", kind, device), Outcome.OfTokenizer(trained.Json, folder), emulated, PrecisionOf(device) == "bf16");
    }

    [Test]
    public void Every_recorded_case_is_replayed()
    {
        string[] names =
        [
            .. Presets.Select(name => NameOf("preset", name, "cpu")),
            .. OnTheProcessor.Select(name => NameOf("journey", name, "cpu")),
            .. OnTheEmulator.Select(data => NameOf("journey", (string)data.Arguments[0]!, "emulated-" + data.Arguments[1])),
            .. Varied.Select(data => NameOf("variant", (string)data.Arguments[0]!, (string)data.Arguments[1]!, (int)data.Arguments[2]!)),
            .. Tokenizers.Select(data => NameOf("tokenizer", (string)data.Arguments[0]!, (string)data.Arguments[1]!)),
            .. EarlierRunTests.Cases,
        ];
        BitRecord.KeepOnly(names);
        Assert.That(BitRecord.Cases, Is.SubsetOf(names));
    }

    private static string NameOf(string group, string name, string device, int processes = 1) =>
        $"{group}/{name}/{device}{(processes > 1 ? $"-{processes}-processes" : "")}";

    private static bool Emulated(string device)
    {
        if (device == "cpu")
        {
            return false;
        }

        EmulatedBackendTests.Device();
        return true;
    }

    private static string PrecisionOf(string device) => device == "cpu" ? "fp32" : device.Split('-')[1];

    private static string[] Set(string[] settings) => [.. settings.SelectMany(setting => (string[])["--set", setting])];

    private static Invocation Done(string[] arguments)
    {
        var done = Invocation.Run(arguments);
        Assert.That(done.ExitCode, Is.Zero, done.Human + done.Result);
        return done;
    }

    private string RunOf(string step) => Path.Combine(_journey, step, "seed-3");

    private string NewFolder() => Folder[Path.GetRandomFileName()];

    private string Pretrain(string device, string[] arguments)
    {
        var run = NewFolder();
        Done(["pretrain", .. arguments, "--device", device, "--out", run, "--json"]);
        return run;
    }
}
