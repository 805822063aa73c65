using System.Globalization;
using ScottPlot;

namespace LDaeCore.Bench;

/// <summary>Each row as a point, operations a byte against operations a second, under the roof that the measured limits make.</summary>
internal static class Roofline
{
    private const int Width = 1000, Height = 640;

    /// <summary>Draws the plot.</summary>
    /// <param name="report">What to draw: rows with operations and bytes.</param>
    /// <param name="limits">The roof.</param>
    /// <param name="path">A .png file.</param>
    public static void Write(RunReport report, Limits limits, string path)
    {
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
    }

    private static ScottPlot.TickGenerators.NumericAutomatic Powers() =>
        new() { LabelFormatter = power => Math.Pow(10, power).ToString("G3", CultureInfo.InvariantCulture) };
}
