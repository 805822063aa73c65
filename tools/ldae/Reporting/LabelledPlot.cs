namespace LDaeCore.Runner.Reporting;

/// <summary>Accuracies at named places in a row, ours beside the paper's, as SVG.</summary>
internal static class LabelledPlot
{
    private const int PlaceWidth = 48, Margin = 240, Height = 420;

    /// <summary>Draws pairs of lines: ours, and the paper's in the same colour and dashed.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="labels">The names of the places.</param>
    /// <param name="lines">Name of a pair; at each place our value with its spread, and the paper's; null for none.</param>
    /// <returns>An svg element.</returns>
    public static string Svg(
        string title, IReadOnlyList<string> labels, IReadOnlyList<(string Name, IReadOnlyList<(double Value, double Spread)?> Ours, IReadOnlyList<double?> Paper)> lines) =>
        new SvgChart
        {
            Title = title,
            YLabel = "linear probe, %",
            Places = labels,
            Width = Margin + (PlaceWidth * Math.Max(8, labels.Count)),
            Height = Height,
        }.Draw([.. lines.SelectMany((line, i) => (ChartSeries[])
        [
            new($"{line.Name} ours".Trim(), [.. line.Ours.Select((point, x) => ((double)x, point?.Value ?? double.NaN, point?.Spread ?? 0))]) { Colour = i, Marked = true },
            new($"{line.Name} paper".Trim(), [.. line.Paper.Select((value, x) => ((double)x, value ?? double.NaN, 0.0))]) { Colour = i, Marked = true, Dashed = true },
        ])]);
}
