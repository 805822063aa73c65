using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Runner;

/// <summary>A process of its own keeps to the memory it printed: within a tenth and 150 MB.</summary>
public sealed class MemoryTests
{
    [TestCase(32)]
    [TestCase(96)]
    [TestCase(256)]
    public void The_peak_of_a_run_is_the_planned_one(int batch)
    {
        var (peak, planned) = Train("synthetic:600", batch, steps: 3);
        Assert.That(planned, Is.GreaterThan(100_000_000L * batch / 96));
        Assert.That(peak, Is.InRange(planned * 9 / 10, (planned * 11 / 10) + 150_000_000));
    }

    /// <summary>A small network on large files: the images that are kept decoded are most of the memory.</summary>
    [Test]
    public void Images_that_are_kept_are_planned_for()
    {
        using var folder = Photos(out var decoded);
        var (peak, planned) = Train($"folder:{folder.Path}", batch: 32, steps: 12);
        Assert.That(planned, Is.GreaterThan(decoded));
        Assert.That(peak, Is.InRange(planned * 9 / 10, (planned * 11 / 10) + 150_000_000));
    }

    /// <summary>The same on a machine that has no room for them.</summary>
    [Test]
    public void Images_are_kept_only_where_there_is_room()
    {
        using var folder = Photos(out var decoded);
        var (peak, planned) = Train($"folder:{folder.Path}", batch: 32, steps: 12, heapBytes: 256_000_000);
        Assert.That(planned, Is.LessThan(decoded));
        Assert.That(peak, Is.LessThan((planned * 11 / 10) + 150_000_000));
    }

    private static (long Peak, long Planned) Train(string data, int batch, int steps, long? heapBytes = null)
    {
        using var folder = new TemporaryFolder();
        var dotnet = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet");
        string[] arguments =
        [
            typeof(LDaeCore.Runner.Program).Assembly.Location, "pretrain", "--preset", "demo", "--data", data, "--device", "cpu", "--threads", "2",
            "--out", Path.Combine(folder.Path, "run"), "--set", $"train.steps={steps}", "--set", $"train.batch={batch}", "--json",
        ];
        var start = new ProcessStartInfo(dotnet, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (heapBytes is { } limit)
        {
            // What .NET takes for the machine's memory, as in a container.
            start.Environment["DOTNET_GCHeapHardLimit"] = limit.ToString("X", CultureInfo.InvariantCulture);
        }

        using var process = Process.Start(start)!;
        var human = process.StandardError.ReadToEndAsync();
        var lines = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, human.Result);
        using var result = JsonDocument.Parse(lines.TrimEnd().Split('\n')[^1]);
        var (peak, planned) = (result.RootElement.GetProperty("peak_memory_bytes").GetInt64(), result.RootElement.GetProperty("planned_memory_bytes").GetInt64());
        TestContext.Out.WriteLine($"planned {planned / 1e6:F0} MB, peak {peak / 1e6:F0} MB");
        return (peak, planned);
    }

    /// <summary>A folder of training images with many pixels in few bytes.</summary>
    private static TemporaryFolder Photos(out long decoded)
    {
        const int images = 384, side = 512;
        using var bitmap = new SKBitmap(side, side);
        using var canvas = new SKCanvas(bitmap);
        using var paint = new SKPaint { Color = SKColors.SeaGreen };
        canvas.Clear(SKColors.Bisque);
        canvas.DrawCircle(side / 2, side / 3, side / 4, paint);
        using var encoded = bitmap.Encode(SKEncodedImageFormat.Jpeg, 80);
        var bytes = encoded.ToArray();
        var folder = new TemporaryFolder();
        for (var i = 0; i < images; i++)
        {
            folder.Write(Path.Combine("train", $"class{i % 2}", $"{i}.jpg"), bytes);
        }

        decoded = images * 3L * side * side;
        return folder;
    }
}
