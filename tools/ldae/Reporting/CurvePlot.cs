namespace LDaeCore.Runner.Reporting;

/// <summary>Curves over the steps of runs, as SVG that fits a phone.</summary>
internal static class CurvePlot
{
    private const int Width = 352, Height = 250;

    /// <summary>Draws one or more curves.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="curves">Name and points of each; points that are not finite are left out.</param>
    /// <param name="logarithmic">Whether the vertical axis shows powers of ten.</param>
    /// <param name="x">What the horizontal axis shows.</param>
    /// <param name="marked">Whether each point has a mark.</param>
    /// <returns>An svg element.</returns>
    public static string Svg(
        string title, IReadOnlyList<(string Name, double[] X, double[] Y)> curves, bool logarithmic = false, string x = "step", bool marked = false) =>
        new SvgChart { Title = title, XLabel = x, Logarithmic = logarithmic, Width = Width, Height = Height, LegendBelow = true }.Draw(
            [.. curves.Select((curve, i) => new ChartSeries(curve.Name, [.. curve.X.Zip(curve.Y, (x, y) => (x, y, 0.0))]) { Colour = i, Dashed = i >= SvgChart.ColourCount, Marked = marked })]);
}
