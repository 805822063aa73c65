using LDaeCore.Tests.House;
using NUnit.Framework;
using Invocation = LDaeCore.Tests.Runner.CommandLine;

namespace LDaeCore.Tests.Recorded;

/// <summary>
/// What an earlier version of the program wrote (tests/goldens/README.md says how): its runs go on, its checkpoints are probed, its tokenizers are used.
/// </summary>
internal sealed class EarlierRunTests : FolderPerTest
{
    private const string Run = "earlier/run/cpu", Tokenizer = "earlier/tokenizer/cpu", Reuse = "earlier/tokenizer-reused/cpu";

    /// <summary>The names of what is recorded here.</summary>
    public static IReadOnlyList<string> Cases { get; } = [Run, Tokenizer, Reuse];

    [Test]
    public void A_run_that_stopped_half_way_ends_as_one_that_did_not()
    {
        var run = Copy("run");
        var whole = Folder["whole"];
        Done("pretrain", "--config", Path.Combine(run, "config.json"), "--data", "synthetic:120", "--device", "cpu", "--out", whole);
        BitRecord.Require(Run, Outcome.OfRun(whole));
        var resumed = Done("pretrain", "--resume", "--out", run, "--device", "cpu");
        Assert.That(resumed.Human, Does.Contain("step-00000006"), "it goes on from its last checkpoint");
        BitRecord.Require(Run, Outcome.OfRun(run));
        Assert.That(Outcome.OfRun(run).Losses, Has.Length.EqualTo(12));
        Assert.That(Directory.GetFiles(run, "events.out.tfevents.*"), Is.Not.Empty);
    }

    [TestCase("linear", "raw", new[] { 10, 42.5, 12.5, 10.83, 9.17 })]
    [TestCase("knn", "ema", new[] { 7.5, 41.67, 8.33, 15, 7.5 })]
    public void Its_checkpoint_is_as_accurate_as_it_was(string method, string weights, double[] recorded)
    {
        var @out = Folder["probe"];
        var probed = Done(
            "probe", "--checkpoint", Copy("run"), "--data", "synthetic:120", "--method", method, "--weights", weights, "--device", "cpu", "--out", @out);
        string[] names = ["top1", "top5", "random_top1", "pixels_top1", "knn_top1"];

        // Where the machine rounds otherwise, two of the 120 test images may fall to the other side.
        var slack = BitRecord.HasThisArithmetic(Run) ? 0 : 200.0 / 120;
        Assert.That(names.Select(name => probed.Json.GetProperty(name).GetDouble()), Is.EqualTo(recorded).Within(slack));
    }

    /// <summary>It goes on, or it is refused with the remedy: a checkpoint of a few minutes' training need not be readable for ever.</summary>
    [Test]
    public void A_tokenizer_that_was_trained_half_way_goes_on_or_is_refused_with_the_remedy()
    {
        var folder = Copy("half-tokenizer");
        var resumed = Invocation.Run("tokenizer", "train", "--resume", "--out", folder, "--device", "cpu", "--json");
        if (resumed.ExitCode == 0)
        {
            Assert.That(resumed.Human, Does.Contain("step-00000006"), "it goes on from its checkpoint");
            BitRecord.Require(Tokenizer, Outcome.OfTokenizer(resumed.Json, folder));
            return;
        }

        Assert.That(resumed.ExitCode, Is.EqualTo(2).Or.EqualTo(3), resumed.Human + resumed.Result);
        Assert.That(resumed.Error("message"), Does.Contain(folder));
        Assert.That(resumed.Error("remedy"), Does.Contain("again"));
    }

    [Test]
    public void The_same_training_without_a_stop_ends_with_the_file_of_then()
    {
        var folder = Folder["tokenizer"];
        var config = Path.Combine(Earlier("tokenizer"), "config.json");
        var trained = Done("tokenizer", "train", "--config", config, "--data", "synthetic:40", "--device", "cpu", "--out", folder);
        BitRecord.Require(Tokenizer, Outcome.OfTokenizer(trained.Json, folder));
        if (BitRecord.HasThisArithmetic(Tokenizer))
        {
            static string HashIn(string place) => Outcome.Hash(Path.Combine(place, "tokenizer.safetensors"));
            Assert.That(HashIn(folder), Is.EqualTo(HashIn(Earlier("tokenizer"))));
        }
    }

    [Test]
    public void A_finished_tokenizer_is_used()
    {
        var run = Folder["run"];
        string[] settings =
        [
            "network.width=8", "network.depth=2", "network.encoderDepth=1", "network.heads=2", "network.gateInit=random", "probe.block=1",
            "train.batch=8", "train.steps=6", "train.logEvery=1",
        ];
        Done(
            ["pretrain", "--config", Path.Combine(Earlier("tokenizer"), "config.json"), "--tokenizer", Earlier("tokenizer"),
            "--data", "synthetic:40", "--device", "cpu", "--out", run, .. settings.SelectMany(setting => (string[])["--set", setting])]);
        Assert.That(Directory.Exists(Path.Combine(run, "tokenizer", "checkpoints")), Is.False, "it trains none of its own");
        BitRecord.Require(Reuse, Outcome.OfRun(run));
    }

    private static string Earlier(string name) => Path.Combine(RepositoryFiles.Root, "tests", "goldens", "recorded", name);

    /// <summary>A copy to write to.</summary>
    private string Copy(string name)
    {
        var (from, to) = (Earlier(name), Folder["copy-of-" + name]);
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        return to;
    }

    private static Invocation Done(params string[] arguments)
    {
        var done = Invocation.Run([.. arguments, "--json"]);
        Assert.That(done.ExitCode, Is.Zero, done.Human + done.Result);
        return done;
    }
}
