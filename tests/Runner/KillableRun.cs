using System.Diagnostics;
using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>
/// A toy run in processes of its own that are killed and started again. Delays are shares of what an undisturbed run took, and a
/// process that gets far is killed before them: no run ends before its last kill, however fast the machine.
/// </summary>
/// <param name="folder">Where the undisturbed run and the killed one go.</param>
/// <param name="steps">Length of the run; a checkpoint is written every ten steps.</param>
/// <param name="kills">How often it will be killed.</param>
/// <param name="random">Draws the moments.</param>
internal sealed class KillableRun(string folder, int steps, int kills, Random random)
{
    private TimeSpan _startUp, _training;

    public string Whole { get; } = Path.Combine(folder, "whole");

    public string Killed { get; } = Path.Combine(folder, "killed");

    public string Checkpoints => Path.Combine(Killed, RunFiles.Checkpoints);

    /// <summary>Step of the newest checkpoint; 0 where there is none.</summary>
    public long Newest => CheckpointFolder.List(Checkpoints).Select(c => c.Step).FirstOrDefault();

    /// <summary>Runs to the end in a folder of its own; measures how long it takes until the first step and from there on.</summary>
    public void RunUndisturbed()
    {
        var start = Stopwatch.GetTimestamp();
        var process = Start(Whole, steps, resume: false);
        Wait(TimeSpan.FromSeconds(60), () => process.HasExited || HasMetrics(Whole));
        var first = Stopwatch.GetTimestamp();
        Assert.That(Finish(process), Is.Zero);
        (_startUp, _training) = (Stopwatch.GetElapsedTime(start, first), Stopwatch.GetElapsedTime(first));
    }

    /// <summary>Goes on with the run and kills it.</summary>
    /// <param name="midTraining">After it has written a checkpoint of its own, instead of at any moment from the process's start on.</param>
    /// <returns>Whether the process was alive.</returns>
    public bool StartAndKill(bool midTraining)
    {
        var before = Newest;
        using var process = Start(Killed, steps, resume: true);
        var delay = random.NextDouble() * _training / (4 * kills);
        if (midTraining)
        {
            Wait(TimeSpan.FromMinutes(5), () => process.HasExited || Newest > before);
        }
        else
        {
            delay += random.NextDouble() * _startUp;
        }

        Wait(delay, () => process.HasExited || Newest >= before + (steps / (2 * kills)));
        var alive = !process.HasExited;
        process.Kill();
        process.WaitForExit();
        return alive;
    }

    /// <summary>Lets the killed run go to its end, which must have the bits of the undisturbed one's, and its losses step by step.</summary>
    public void FinishAlike()
    {
        Assert.That(Finish(Start(Killed, steps, resume: true)), Is.Zero);
        foreach (var file in (string[])["model.safetensors", "optimizer.safetensors"])
        {
            byte[] Last(string run) => File.ReadAllBytes(Path.Combine(run, RunFiles.Checkpoints, CheckpointFolder.NameOf(steps), file));
            Assert.That(Last(Killed), Is.EqualTo(Last(Whole)), file);
        }

        Assert.That(Losses(Killed), Is.EqualTo(Losses(Whole)));
        Assert.That(Losses(Whole), Has.Length.EqualTo(steps));
    }

    public static bool HasMetrics(string run) =>
        File.Exists(Path.Combine(run, RunFiles.Metrics)) && new FileInfo(Path.Combine(run, RunFiles.Metrics)).Length > 0;

    public static Process Start(string run, int steps, bool resume) => RunnerProcess.Start(
    [
        "pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--threads", "2", "--out", run,
        .. Toy.Settings.Append($"train.steps={steps}").Append("train.checkpointEvery=10").SelectMany(s => new[] { "--set", s }),
        .. resume ? new[] { "--resume" } : [],
    ]);

    private static (long Step, double Loss)[] Losses(string run) =>
    [
        .. File.ReadLines(Path.Combine(run, RunFiles.Metrics)).Select(line => JsonDocument.Parse(line).RootElement)
            .Select(line => (line.GetProperty("step").GetInt64(), line.GetProperty("loss").GetDouble())),
    ];

    private static void Wait(TimeSpan longest, Func<bool> done)
    {
        var start = Stopwatch.GetTimestamp();
        while (!done() && Stopwatch.GetElapsedTime(start) < longest)
        {
            Thread.Sleep(1);
        }
    }

    private static int Finish(Process process)
    {
        using (process)
        {
            process.WaitForExit();
            return process.ExitCode;
        }
    }
}
