using System.Diagnostics;
using LDaeCore.Tests.Model.Data;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The real process, killed and stopped at random moments.</summary>
public sealed class KillTests
{
    private const int Kills = 10, Steps = 1200;
    private static readonly string[] Settings =
        [.. Toy.Settings.Append($"train.steps={Steps}").Append("train.checkpointEvery=10").SelectMany(s => new[] { "--set", s })];

    /// <summary>
    /// Half of the kills fall at any moment from the process's start on, half after it has written a checkpoint of its own. Delays are shares
    /// of what the undisturbed run took, and a process that gets far is killed before them: ten never reach the end, however fast the machine.
    /// </summary>
    [Test]
    public void Killed_ten_times_a_run_ends_in_the_bits_of_an_undisturbed_one()
    {
        using var folder = new TemporaryFolder();
        var (whole, killed) = (Path.Combine(folder.Path, "whole"), Path.Combine(folder.Path, "killed"));
        var (startUp, training) = Undisturbed(whole);
        var random = new Random();
        var (alive, midTraining) = (0, 0);
        for (var kill = 0; kill < Kills; kill++)
        {
            var before = Newest(killed);
            using var process = Start(killed, resume: true);
            var delay = random.NextDouble() * training / 40;
            if (kill % 2 == 0)
            {
                delay += random.NextDouble() * startUp;
            }
            else
            {
                Wait(TimeSpan.FromMinutes(5), () => process.HasExited || Newest(killed) > before);
            }

            Wait(delay, () => process.HasExited || Newest(killed) >= before + (Steps / (2 * Kills)));
            alive += process.HasExited ? 0 : 1;
            process.Kill();
            process.WaitForExit();
            midTraining += Newest(killed) > before ? 1 : 0;
        }

        TestContext.Out.WriteLine($"{alive} of {Kills} kills hit a living run, {midTraining} after a checkpoint of its own; {Newest(killed)} of {Steps} steps were done");
        Assert.That(alive, Is.EqualTo(Kills), "no run ends before its kill");
        Assert.That(midTraining, Is.GreaterThanOrEqualTo(Kills / 2));
        Assert.That(Finish(Start(killed, resume: true)), Is.Zero);
        Assert.That(Toy.Last(killed).Model, Is.EqualTo(Toy.Last(whole).Model));
        Assert.That(Toy.Last(killed).Optimizer, Is.EqualTo(Toy.Last(whole).Optimizer));
    }

    [Test]
    public void A_terminated_run_saves_exits_130_and_can_be_resumed()
    {
        using var folder = new TemporaryFolder();
        var run = Path.Combine(folder.Path, "run");
        using var process = Start(run, resume: false, "train.steps=1000000");
        Assert.That(SpinWait.SpinUntil(() => HasMetrics(run), TimeSpan.FromSeconds(30)), Is.True);
        RunnerProcess.Signal(process, "TERM");
        Assert.That(process.WaitForExit(30_000), Is.True);
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(Directory.GetDirectories(Path.Combine(run, "checkpoints")), Is.Not.Empty);
    }

    /// <summary>Runs to the end; returns how long it took until the first step and from there on.</summary>
    private static (TimeSpan StartUp, TimeSpan Training) Undisturbed(string run)
    {
        var start = Stopwatch.GetTimestamp();
        var process = Start(run, resume: false);
        Wait(TimeSpan.FromSeconds(60), () => process.HasExited || HasMetrics(run));
        var first = Stopwatch.GetTimestamp();
        Assert.That(Finish(process), Is.Zero);
        return (Stopwatch.GetElapsedTime(start, first), Stopwatch.GetElapsedTime(first));
    }

    private static void Wait(TimeSpan longest, Func<bool> done)
    {
        var start = Stopwatch.GetTimestamp();
        while (!done() && Stopwatch.GetElapsedTime(start) < longest)
        {
            Thread.Sleep(1);
        }
    }

    private static bool HasMetrics(string run) => File.Exists(Path.Combine(run, "metrics.jsonl")) && new FileInfo(Path.Combine(run, "metrics.jsonl")).Length > 0;

    /// <summary>Step of the newest checkpoint; 0 where there is none.</summary>
    private static long Newest(string run) =>
        LDaeCore.Engine.Checkpoints.CheckpointFolder.List(Path.Combine(run, "checkpoints")).Select(c => c.Step).FirstOrDefault();

    private static int Finish(Process process)
    {
        using (process)
        {
            process.WaitForExit();
            return process.ExitCode;
        }
    }

    private static Process Start(string run, bool resume, params string[] more) => RunnerProcess.Start(
    [
        "pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--threads", "2", "--out", run, .. Settings,
        .. more.SelectMany(s => new[] { "--set", s }), .. resume ? new[] { "--resume" } : [],
    ]);
}
