using System.Diagnostics;
using System.Runtime.InteropServices;
using LDaeCore.Tests.Model.Data;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The real process, killed and stopped at random moments.</summary>
public sealed class KillTests
{
    private const int Kills = 10;
    private static readonly string[] Settings =
        [.. Toy.Settings.Append("train.steps=400").Append("train.checkpointEvery=7").SelectMany(s => new[] { "--set", s })];

    [Test]
    public void Killed_ten_times_a_run_ends_in_the_bits_of_an_undisturbed_one()
    {
        using var folder = new TemporaryFolder();
        var (whole, killed) = (Path.Combine(folder.Path, "whole"), Path.Combine(folder.Path, "killed"));
        Assert.That(Finish(Start(whole, resume: false)), Is.Zero);
        var random = new Random();
        for (var kill = 0; kill < Kills; kill++)
        {
            using var process = Start(killed, resume: true);
            if (!process.WaitForExit(random.Next(250, 900)))
            {
                process.Kill();
            }

            process.WaitForExit();
        }

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
        var started = SpinWait.SpinUntil(() => File.Exists(Path.Combine(run, "metrics.jsonl")) && new FileInfo(Path.Combine(run, "metrics.jsonl")).Length > 0, TimeSpan.FromSeconds(30));
        Assert.That(started, Is.True);
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            kill.WaitForExit();
        }

        Assert.That(process.WaitForExit(30_000), Is.True);
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(Directory.GetDirectories(Path.Combine(run, "checkpoints")), Is.Not.Empty);
    }

    private static int Finish(Process process)
    {
        using (process)
        {
            process.WaitForExit();
            return process.ExitCode;
        }
    }

    private static Process Start(string run, bool resume, params string[] more)
    {
        var assembly = typeof(LDaeCore.Runner.Program).Assembly.Location;
        string[] arguments =
        [
            assembly, "pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--threads", "2", "--out", run, .. Settings,
            .. more.SelectMany(s => new[] { "--set", s }), .. resume ? new[] { "--resume" } : [],
        ];
        var dotnet = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet");
        return Process.Start(new ProcessStartInfo(dotnet, arguments) { RedirectStandardError = false, RedirectStandardOutput = false })!;
    }
}
