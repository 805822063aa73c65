using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;
using LDaeCore.Runner;
using LDaeCore.Tests.Cuda;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The runner on a device of its own memory: precision, memory, algorithms, and the whole way from training to pictures.</summary>
public sealed class DeviceRunTests : FolderPerTest
{
    [TestCase("{ \"preset\": \"demo\" }", DeviceKind.Cuda, TrainPrecision.Bf16)]
    [TestCase("{ \"train\": { \"precision\": null } }", DeviceKind.Cuda, TrainPrecision.Bf16)]
    [TestCase("{ \"train\": { \"precision\": \"fp32\" } }", DeviceKind.Cuda, TrainPrecision.Fp32)]
    [TestCase("{ \"train\": { \"precision\": \"fp32\" } }", DeviceKind.Cuda, TrainPrecision.Bf16, "train.precision=bf16")]
    [TestCase("{ \"train\": { \"precision\": null } }", DeviceKind.Emulated, TrainPrecision.Fp32)]
    [TestCase("{ \"train\": { \"precision\": \"bf16\" } }", DeviceKind.Emulated, TrainPrecision.Bf16)]
    [TestCase("{ \"train\": { \"precision\": null } }", DeviceKind.Cpu, TrainPrecision.Fp32)]
    public void The_device_determines_the_default_precision(string config, DeviceKind device, TrainPrecision expected, params string[] set)
    {
        var file = Folder["recipe.json"];
        File.WriteAllText(file, config);
        Assert.That(new RecipeSource(null, file, set, null).Load(null, new DeviceChoice(device, null)).Train.Precision, Is.EqualTo(expected));
    }

    [Test]
    public void A_run_that_goes_on_keeps_its_precision_and_a_preset_leaves_it_to_the_device()
    {
        var run = Presets.Get("demo") with { Train = Presets.Get("demo").Train with { Precision = TrainPrecision.Fp32 } };
        var gpu = new DeviceChoice(DeviceKind.Cuda, null);
        Assert.That(new RecipeSource(null, null, [], null).Load(run, gpu).Train.Precision, Is.EqualTo(TrainPrecision.Fp32));
        Assert.That(new RecipeSource("demo", null, [], null).Load(run, gpu).Train.Precision, Is.EqualTo(TrainPrecision.Fp32));
        Assert.That(new RecipeSource("demo", null, [], null).Load(null, gpu).Train.Precision, Is.EqualTo(TrainPrecision.Bf16));
    }

    [Test]
    public void From_training_in_bf16_to_a_probe_and_pictures_on_the_emulated_device()
    {
        EmulatedBackendTests.Device();
        var trained = Ldae("pretrain", ["--data", "synthetic:40", .. Toy("train.precision=bf16", "train.steps=3")]);
        var run = Folder["pretrain"];
        Assert.That(File.ReadAllText(Path.Combine(run, "config.json")), Does.Contain("\"precision\": \"bf16\""));
        Assert.That(new FileInfo(Path.Combine(run, "gemm-algorithms.txt")).Length, Is.GreaterThan(0));
        var held = trained.Json.GetProperty("peak_memory_bytes").GetInt64();
        Assert.That(held, Is.InRange(trained.Json.GetProperty("planned_memory_bytes").GetInt64(), 100_000_000L), "device memory, not the process's");
        var resumed = Ldae("pretrain", ["--resume", "--set", "train.steps=5"]);
        Assert.That(resumed.Json.GetProperty("steps").GetInt64(), Is.EqualTo(5));
        var probed = Ldae("probe", ["--checkpoint", run, "--data", "synthetic:40", "--method", "knn"]);
        Assert.That(probed.Json.GetProperty("knn_top1").GetDouble(), Is.InRange(0, 100));
        var drawn = Ldae("reconstruct", ["--checkpoint", run, "--data", "synthetic:40", "--images", "4"]);
        Assert.That(drawn.Json.GetProperty("psnr_output").GetDouble(), Is.GreaterThan(0));
    }

    [Test]
    public void A_batch_that_the_device_cannot_hold_is_refused_by_the_plan()
    {
        EmulatedBackendTests.Device();
        var (exit, result, human) = InChild(64_000_000, "train.batch=4096");
        Assert.That(exit, Is.EqualTo(2), human);
        Assert.That(result, Does.Contain("train.batch = 4096").And.Contain("free on the device").And.Contain("Raise train.accumulate or lower train.batch"));
        Assert.That(human, Does.Contain("memory plan").And.Contain("activations"));
    }

    [Test]
    public void Memory_that_runs_out_beyond_the_plan_ends_with_the_plan_by_owner()
    {
        EmulatedBackendTests.Device();
        var planned = Ldae("pretrain", ["--data", "synthetic:40", .. Toy("train.steps=1")]).Json.GetProperty("planned_memory_bytes").GetInt64();
        var (exit, result, human) = InChild(planned + 500);
        Assert.That(exit, Is.EqualTo(1), human);
        Assert.That(
            result,
            Does.Contain("OUT_OF_MEMORY").And
                .Contain("train.batch = 8").And
                .Contain("parameters").And
                .Contain("optimizer").And
                .Contain("activations").And
                .Contain("Raise train.accumulate"));
    }

    private static string[] Toy(params string[] more) => [.. LDaeCore.Tests.Model.Training.Toy.Settings.Concat(more).SelectMany(s => (string[])["--set", s])];

    private CommandLine Ldae(string command, string[] arguments)
    {
        string[] recipe = command == "pretrain" && !arguments.Contains("--resume") ? ["--preset", "cifar-tiny"] : [];
        var done = CommandLine.Run([command, .. recipe, .. arguments, "--device", "emulated", "--out", Folder[command], "--json"]);
        Assert.That(done.ExitCode, Is.Zero, done.Human + done.Result);
        return done;
    }

    /// <summary>A run on an emulated device with so much memory, in a process of its own.</summary>
    private (int Exit, string Result, string Human) InChild(long memory, params string[] settings)
    {
        var dotnet = Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet");
        string[] arguments =
        [
            typeof(LDaeCore.Runner.Program).Assembly.Location, "pretrain", "--preset", "cifar-tiny", "--data", "synthetic:40", "--device", "emulated",
            "--out", Folder["child"], "--json", .. Toy(settings),
        ];
        var start = new ProcessStartInfo(dotnet, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LDAE_EMULATOR_MEMORY"] = memory.ToString(CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        var human = process.StandardError.ReadToEndAsync();
        var lines = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        using var result = JsonDocument.Parse(lines.TrimEnd().Split('\n')[^1]);
        var error = result.RootElement.GetProperty("error");
        return (process.ExitCode, $"{error.GetProperty("message").GetString()} {error.GetProperty("remedy").GetString()}", human.Result);
    }
}
