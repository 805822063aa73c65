using System.Diagnostics;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>Commands that save nothing on the way end at once when they are asked to, with 130 and the reason.</summary>
public sealed class SignalTests : FolderPerFixture
{
    [OneTimeSetUp]
    public void Pretrain()
    {
        string[] line = [
            "pretrain", "--preset", "demo", "--data", "synthetic:60", "--out", Run, .. LDaeCore.Tests.Model.Training.Toy.Settings.SelectMany(s => new[] { "--set", s })];
        Assert.That(CommandLine.Run(line).ExitCode, Is.Zero);
    }

    private string Run => Folder["run"];

    [TestCase("TERM", "pca --preset demo --data synthetic:1000000 --set tokenizer.samplePatches=100000000")]
    [TestCase("INT", "probe --data synthetic:1000000")]
    [TestCase("TERM", "reconstruct --data synthetic:1000000 --images 1000000")]
    public void A_command_that_is_asked_to_stop_does(string signal, string line)
    {
        var output = Folder[signal + line.Split(' ')[0]];
        string[] checkpoint = line.StartsWith("pca", StringComparison.Ordinal) ? [] : ["--checkpoint", Run];
        using var process = RunnerProcess.Start([.. line.Split(' '), .. checkpoint, "--out", output, "--threads", "2"]);
        Assert.That(SpinWait.SpinUntil(() => File.Exists(Path.Combine(output, "log.txt")), TimeSpan.FromSeconds(60)), Is.True);
        Thread.Sleep(200);
        var asked = Stopwatch.GetTimestamp();
        RunnerProcess.Signal(process, signal);
        Assert.That(process.WaitForExit(30_000), Is.True, "it goes on");
        Assert.That(process.ExitCode, Is.EqualTo(130));
        Assert.That(File.ReadAllText(Path.Combine(output, "log.txt")), Does.Contain("error: The command was interrupted."));
        TestContext.Out.WriteLine($"ended after {Stopwatch.GetElapsedTime(asked).TotalSeconds:F1} s");
    }
}
