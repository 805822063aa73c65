using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using LDaeCore.Tests.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>A process of its own keeps to the memory it printed: within a tenth and 150 MB.</summary>
public sealed class MemoryTests
{
    [TestCase(32)]
    [TestCase(96)]
    [TestCase(256)]
    public void The_peak_of_a_run_is_the_planned_one(int batch)
    {
        using var folder = new TemporaryFolder();
        var dotnet = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet");
        string[] arguments =
        [
            typeof(LDaeCore.Runner.Program).Assembly.Location, "pretrain", "--preset", "demo", "--data", "synthetic:600", "--device", "cpu", "--threads", "2",
            "--out", Path.Combine(folder.Path, "run"), "--set", "train.steps=3", "--set", $"train.batch={batch}", "--json",
        ];
        using var process = Process.Start(new ProcessStartInfo(dotnet, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var human = process.StandardError.ReadToEndAsync();
        var lines = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, human.Result);
        using var result = JsonDocument.Parse(lines.TrimEnd().Split('\n')[^1]);
        var peak = result.RootElement.GetProperty("peak_memory_bytes").GetInt64();
        var planned = result.RootElement.GetProperty("planned_memory_bytes").GetInt64();
        Assert.That(planned, Is.GreaterThan(100_000_000L * batch / 96));
        Assert.That(peak, Is.InRange(planned * 9 / 10, (planned * 11 / 10) + 150_000_000));
    }
}
