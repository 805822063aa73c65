using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>
/// Kills and broken files in turns, many times: a run goes on from its newest whole checkpoint, or says with exit 3 that there is
/// none and what to do; and in the end it has the bits of a run that nothing happened to.
/// </summary>
[Category("Long")]
public sealed partial class FaultLoopTests
{
    private const int Kills = 60, TotalLosses = 5;

    [Test]
    public void Killed_and_broken_many_times_a_run_ends_in_the_bits_of_an_undisturbed_one()
    {
        var clock = Stopwatch.StartNew();
        var seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var folder = new TemporaryFolder();
        var run = new KillableRun(folder.Path, steps: 7200, Kills, random);
        var faults = new RunFaults(run.Killed, random);
        run.RunUndisturbed();
        var (alive, checkedResumes) = (0, 0);
        for (var kill = 0; kill < Kills; kill++)
        {
            var whole = faults.NewestWhole();
            var log = LogLength(run);
            alive += run.StartAndKill(midTraining: kill % 2 == 1) ? 1 : 0;
            if (ResumedFrom(run, log) is { } step)
            {
                Assert.That(step, Is.EqualTo(whole), $"kill {kill}: the newest whole checkpoint after {faults.Last}");
                checkedResumes++;
            }

            faults.Inject();
            if (kill % (Kills / TotalLosses) == Kills / TotalLosses / 2)
            {
                LoseAllAndBringBack(run, folder.Path, faults);
            }
        }

        run.FinishAlike();
        TestContext.Out.WriteLine(
            $"{alive} of {Kills} kills hit a living run, {checkedResumes} resumed first; faults: {faults.Summary} ({clock.Elapsed.TotalSeconds:F0} s)");
        Assert.That(alive, Is.EqualTo(Kills), "no run ends before its kill");
        Assert.That(checkedResumes, Is.GreaterThanOrEqualTo(Kills / 2));
    }

    /// <summary>With every checkpoint broken the run refuses with exit 3; the remedy it names, a copy, lets it go on.</summary>
    private static void LoseAllAndBringBack(KillableRun run, string folder, RunFaults faults)
    {
        var copy = Path.Combine(folder, "copy");
        Copy(run.Checkpoints, copy);
        if (faults.BreakAll())
        {
            var refused = CommandLine.Run("pretrain", "--out", run.Killed, "--resume", "--json");
            Assert.That(refused.ExitCode, Is.EqualTo(3), refused.Human);
            Assert.That(refused.Error("message"), Does.Contain(run.Checkpoints));
            Assert.That(refused.Error("remedy"), Does.Contain("copy").And.Contain(run.Checkpoints));
        }

        Directory.Delete(run.Checkpoints, recursive: true);
        Directory.Move(copy, run.Checkpoints);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var folder in Directory.GetDirectories(from))
        {
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }

        foreach (var file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private static long LogLength(KillableRun run) => File.Exists(LogOf(run)) ? new FileInfo(LogOf(run)).Length : 0;

    /// <summary>Which step the last process said it resumed from; 0 for a start anew, null if it was killed before it said so.</summary>
    private static long? ResumedFrom(KillableRun run, long logBefore)
    {
        var text = File.Exists(LogOf(run)) ? Encoding.UTF8.GetString(File.ReadAllBytes(LogOf(run)).AsSpan((int)logBefore)) : "";
        return Resumed().Match(text) is { Success: true } match ? long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            : text.Contains("starts anew", StringComparison.Ordinal) ? 0
            : null;
    }

    private static string LogOf(KillableRun run) => Path.Combine(run.Killed, RunFiles.Log);

    [GeneratedRegex(@"Resumed from .*, step (\d+)\.")]
    private static partial Regex Resumed();
}
