using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The real process, killed and stopped at random moments.</summary>
public sealed class KillTests
{
    private const int Kills = 10;

    /// <summary>Half of the kills fall at any moment from the process's start on, half after it has written a checkpoint of its own.</summary>
    [Test]
    public void Killed_ten_times_a_run_ends_in_the_bits_of_an_undisturbed_one()
    {
        using var folder = new TemporaryFolder();
        var run = new KillableRun(folder.Path, steps: 1200, Kills, new Random());
        run.RunUndisturbed();
        var (alive, midTraining) = (0, 0);
        for (var kill = 0; kill < Kills; kill++)
        {
            var before = run.Newest;
            alive += run.StartAndKill(midTraining: kill % 2 == 1) ? 1 : 0;
            midTraining += run.Newest > before ? 1 : 0;
        }

        TestContext.Out.WriteLine($"{alive} of {Kills} kills hit a living run, {midTraining} after a checkpoint of its own; step {run.Newest} was reached");
        Assert.That(alive, Is.EqualTo(Kills), "no run ends before its kill");
        Assert.That(midTraining, Is.GreaterThanOrEqualTo(Kills / 2));
        run.FinishAlike();
    }

    [Test]
    public void A_terminated_run_saves_exits_130_and_can_be_resumed()
    {
        using var folder = new TemporaryFolder();
        var run = Path.Combine(folder.Path, "run");
        using var process = KillableRun.Start(run, steps: 1_000_000, resume: false);
        Assert.That(SpinWait.SpinUntil(() => KillableRun.HasMetrics(run), TimeSpan.FromSeconds(30)), Is.True);
        RunnerProcess.Signal(process, "TERM");
        Assert.That(process.WaitForExit(30_000), Is.True);
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(Directory.GetDirectories(Path.Combine(run, "checkpoints")), Is.Not.Empty);
    }
}
