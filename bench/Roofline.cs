using System.Globalization;
using ScottPlot;

namespace LDaeCore.Bench;

/// <summary>Each row as a point, operations a byte against operations a second, under the roof that the measured limits make.</summary>
internal static class Roofline
{
    private const int Width = 1000, Height = 640;
    private const string FontName = "bench", FontFolder = "/usr/share/fonts";

    /// <summary>Draws the plot.</summary>
    /// <param name="report">What to draw: rows with operations and bytes.</param>
    /// <param name="limits">The roof.</param>
    /// <param name="path">A .png file; an .svg of the same name lies beside it.</param>
    public static void Write(RunReport report, Limits limits, string path)
    {
        FindFont();
        using var plot = new Plot();
        double[] intensities = [.. Enumerable.Range(-12, 53).Select(i => Math.Pow(2, i / 2.0 * 0.75))];
        var roof = plot.Add.Scatter(
            intensities.Select(Math.Log10).ToArray(), intensities.Select(i => Math.Log10(Math.Min(limits.FlopsPerSecond, i * limits.BytesPerSecond) / 1e9)).ToArray());
        (roof.LegendText, roof.MarkerSize, roof.LineWidth) = ("measured limit", 0, 2);
        foreach (var group in report.Rows.Where(row => row is { Flops: > 0, Bytes: > 0 }).GroupBy(row => $"{row.Name.Split(' ')[0]} {row.Pass}"))
        {
            var points = plot.Add.ScatterPoints(
                group.Select(row => Math.Log10(row.Flops!.Value / row.Bytes!.Value)).ToArray(), group.Select(row => Math.Log10(row.Flops!.Value / row.MedianS / 1e9)).ToArray());
            (points.LegendText, points.MarkerSize) = (group.Key, 8);
        }

        plot.Axes.Bottom.TickGenerator = Powers();
        plot.Axes.Left.TickGenerator = Powers();
        plot.XLabel("operations a byte");
        plot.YLabel("GFLOP/s");
        plot.Title($"Roofline: {report.Device}");
        plot.ShowLegend(Edge.Right);
        plot.SavePng(path, Width, Height);
        plot.SaveSvg(Path.ChangeExtension(path, ".svg"), Width, Height);
    }

    /// <summary>This build of Skia looks for no fonts by itself. Without one the picture has no words, and the vector file beside it still has.</summary>
    private static void FindFont()
    {
        var files = Directory.Exists(FontFolder) ? Directory.EnumerateFiles(FontFolder, "*.ttf", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToArray() : [];
        if ((files.FirstOrDefault(file => Path.GetFileName(file) == "DejaVuSans.ttf") ?? files.FirstOrDefault()) is { } font)
        {
            Fonts.AddFontFile(FontName, font);
            Fonts.Default = FontName;
        }
    }

    private static ScottPlot.TickGenerators.NumericAutomatic Powers() =>
        new() { LabelFormatter = power => Math.Pow(10, power).ToString("G3", CultureInfo.InvariantCulture) };
}
