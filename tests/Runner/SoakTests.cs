using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>A process that trains for minutes: what it takes at the end is what it took after a minute.</summary>
[Category("Long")]
public sealed class SoakTests
{
    private const int Keep = 2;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(60), Interval = TimeSpan.FromSeconds(1);

    [Test]
    public void Memory_handles_and_checkpoints_stay_as_they_are_after_a_minute()
    {
        using var folder = new TemporaryFolder();
        var run = Path.Combine(folder.Path, "run");
        using var process = RunnerProcess.Start(
        [
            "pretrain", "--preset", "demo", "--data", "synthetic:600", "--device", "cpu", "--threads", "2", "--out", run,
            .. Toy.Settings.Concat(["train.steps=null", "train.minutes=4", "train.checkpointEvery=200", "train.logEvery=100", $"train.keep={Keep}", "train.knnEvery=5000"])
                .SelectMany(s => new[] { "--set", s }),
        ]);
        var samples = Watch(process, run);
        Assert.That(process.ExitCode, Is.Zero);

        var late = samples.Where(s => s.Seconds >= WarmUp.TotalSeconds).ToArray();
        var slope = 60 * Slope(late.Select(s => (s.Seconds, s.Resident / 1e6)).ToArray());
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"resident {late[0].Resident / 1e6:F0} to {late[^1].Resident / 1e6:F0} MB, {slope:F2} MB a minute; {late.Max(s => s.Handles)} handles; "
                + $"{Lines(run).Last().GetProperty("step")} steps"));
        Assert.That(late, Has.Length.GreaterThan(100));
        Assert.That(slope, Is.LessThan(3), "MB a minute");
        Assert.That(late[^20..].Average(s => s.Handles), Is.LessThanOrEqualTo(late[..20].Average(s => s.Handles) + 2), "open files");
        Assert.That(late.Max(s => s.Checkpoints), Is.LessThanOrEqualTo(Keep + 2), "the best, and one more while a new one is there and the oldest not yet gone");
        Assert.That(CheckpointFolder.List(Path.Combine(run, RunFiles.Checkpoints)).Select(c => c.Step), Is.EquivalentTo(Kept(run)));
        Assert.That(Lines(run).Select(l => l.GetProperty("loss").GetDouble()), Is.All.InRange(0, 100));
        Assert.That(Lines(run).Select(l => l.GetProperty("gradient_norm").GetDouble()), Is.All.InRange(0, 1000));
        AssertSteady(run);
    }

    /// <summary>The last checkpoints and the best.</summary>
    private static HashSet<long> Kept(string run)
    {
        var checkpoints = Path.Combine(run, RunFiles.Checkpoints);
        return [.. CheckpointFolder.List(checkpoints).Select(c => c.Step).Order().TakeLast(Keep), BestCheckpoint.Read(checkpoints)!.Step];
    }

    /// <summary>A step late in the run takes no longer than one early in it: nothing is gone through again that grows with the run.</summary>
    private static void AssertSteady(string run)
    {
        var steps = Lines(run).Select(l => (Seconds: l.GetProperty("seconds").GetDouble(), Step: l.GetProperty("step").GetDouble())).ToArray();
        double Speed(double from, double to)
        {
            var part = steps.Where(s => s.Seconds >= from && s.Seconds <= to).ToArray();
            return (part[^1].Step - part[0].Step) / (part[^1].Seconds - part[0].Seconds);
        }

        var (early, late) = (Speed(60, 120), Speed(180, 240));
        TestContext.Out.WriteLine($"{early:F0} steps a second in the second minute, {late:F0} in the fourth");
        Assert.That(late, Is.GreaterThan(early / 2), "half leaves room for what else the machine does");
    }

    private static List<(double Seconds, double Resident, int Handles, int Checkpoints)> Watch(Process process, string run)
    {
        var clock = Stopwatch.StartNew();
        List<(double, double, int, int)> samples = [];
        for (var handles = 0; !process.WaitForExit(Interval);)
        {
            process.Refresh();
            try
            {
                handles = Directory.GetFiles($"/proc/{process.Id}/fd").Length;
            }
            catch (IOException)
            {
                // A handle that was listed is closed by now, or the process has just ended.
            }

            samples.Add((clock.Elapsed.TotalSeconds, process.WorkingSet64, handles, CheckpointFolder.List(Path.Combine(run, RunFiles.Checkpoints)).Count));
        }

        return samples;
    }

    private static IEnumerable<JsonElement> Lines(string run) =>
        File.ReadLines(Path.Combine(run, RunFiles.Metrics)).Select(line => JsonDocument.Parse(line).RootElement);

    /// <summary>Of the line of least squares.</summary>
    private static double Slope(IReadOnlyCollection<(double X, double Y)> points)
    {
        var (x, y) = (points.Average(p => p.X), points.Average(p => p.Y));
        return points.Sum(p => (p.X - x) * (p.Y - y)) / points.Sum(p => (p.X - x) * (p.X - x));
    }
}
