using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>
/// A process that writes a checkpoint in every step is killed in the middle of writing one: at a moment drawn anew each time after its
/// half-written folder appears. Nothing that was whole is lost, and nothing half-written passes for whole.
/// </summary>
public sealed class CheckpointKillTests
{
    [TestCase(10)]
    [TestCase(100, Category = "Long")]
    public void Killed_while_it_writes_a_run_never_loses_its_last_whole_checkpoint(int kills)
    {
        using var folder = new TemporaryFolder();
        var run = Path.Combine(folder.Path, "run");
        var checkpoints = Path.Combine(run, RunFiles.Checkpoints);
        var random = new Random();
        var (halfWritten, aside, newest) = (0, 0, 0L);
        for (var kill = 0; kill < kills; kill++)
        {
            using (var process = RunnerProcess.Start(
            [
                "pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--threads", "1", "--out", run, "--resume",
                .. Toy.Settings.Concat(["train.steps=1000000", "train.checkpointEvery=1", "train.keep=2"]).SelectMany(s => new[] { "--set", s }),
            ]))
            {
                // From the process's second checkpoint on: its start has cleared what the kill before has left.
                Assert.That(SpinWait.SpinUntil(() => process.HasExited || Newest() >= newest + 2, TimeSpan.FromSeconds(60)), Is.True);
                SpinWait.SpinUntil(() => process.HasExited || Directory.EnumerateDirectories(checkpoints, ".tmp-*").Any(), TimeSpan.FromSeconds(10));
                Thread.Sleep(TimeSpan.FromMilliseconds(8 * random.NextDouble() * random.NextDouble()));
                Assert.That(process.HasExited, Is.False, "it lives until it is killed");
                newest = Newest();
                process.Kill();
                process.WaitForExit();
            }

            halfWritten += Directory.EnumerateDirectories(checkpoints, ".tmp-*").Any() ? 1 : 0;
            aside += Directory.EnumerateDirectories(checkpoints, ".old-*").Any() ? 1 : 0;
            var last = CheckpointFolder.LatestValid(checkpoints, out var warnings);
            Assert.That(warnings, Is.Empty, $"kill {kill}: nothing half-written has a checkpoint's name");
            Assert.That(last?.Step, Is.GreaterThanOrEqualTo(newest), $"kill {kill}: what was whole before is whole after");
            newest = last!.Step;
        }

        TestContext.Out.WriteLine($"{kills} kills, {halfWritten} left a half-written folder, {aside} one set aside; step {newest} was reached");
        Assert.That(halfWritten, Is.GreaterThanOrEqualTo(kills / 4), "kills that fell into the writing of a checkpoint");

        long Newest() => CheckpointFolder.List(checkpoints).Select(c => c.Step).FirstOrDefault();
    }
}
