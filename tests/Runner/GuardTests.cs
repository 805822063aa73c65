using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>What the command line offers against runs that go wrong.</summary>
public sealed class GuardTests : FolderPerTest
{
    private string Run => Folder["run"];

    [Test]
    public void Detecting_anomalies_names_the_primitive()
    {
        var failed = Pretrain("--detect-anomaly", "--set", "train.lr=1e30", "--set", "train.warmup=0");
        Assert.That(failed.ExitCode, Is.EqualTo(1), failed.Human);
        Assert.That(failed.Error("message"), Does.Match(@"^\w+ in step, \w+ .* is the first to write a value that is not finite: .* at \[\d.*\] of F32"));
        Assert.That(failed.Error("remedy"), Does.Contain("train.lr"));
    }

    [Test]
    public void As_many_checkpoints_are_kept_as_asked_and_a_run_that_goes_on_may_ask_for_others()
    {
        Assert.That(Pretrain("--keep", "1").ExitCode, Is.Zero);
        Assert.That(Steps(), Is.EqualTo(new[] { 6 }));
        var more = CommandLine.Run("pretrain", "--out", Run, "--resume", "--keep", "2", "--set", "train.steps=10", "--json");
        Assert.That(more.ExitCode, Is.Zero, more.Human);
        Assert.That(Steps(), Is.EqualTo(new[] { 10, 8 }));
        Assert.That(Pretrain("--keep", "0").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void A_run_that_went_back_for_a_spike_says_so_in_its_result()
    {
        // A rate at which this small network is thrown far off and comes back at a half, a quarter or an eighth of it.
        var result = Pretrain("--set", "train.lr=3", "--set", "train.warmup=0.5", "--set", "train.steps=60", "--set", "train.checkpointEvery=10", "--set", "train.spikeFactor=3");
        Assert.That(result.ExitCode, Is.Zero, result.Human);
        Assert.That(result.Json.GetProperty("rollbacks").GetInt32(), Is.InRange(1, 5));
        Assert.That(result.Human, Does.Contain("of the learning rate."));
        Assert.That(File.ReadAllText(Path.Combine(Run, RunFiles.Log)), Does.Contain("to the checkpoint of step"));
    }

    private CommandLine Pretrain(params string[] more) => CommandLine.Run(
    [
        "pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--threads", "2", "--out", Run, "--json",
        .. Toy.Settings.SelectMany(s => new[] { "--set", s }), .. more,
    ]);

    private IEnumerable<long> Steps() => CheckpointFolder.List(Path.Combine(Run, RunFiles.Checkpoints)).Select(c => c.Step);
}
