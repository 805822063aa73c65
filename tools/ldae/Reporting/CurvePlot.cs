namespace LDaeCore.Runner.Reporting;

/// <summary>A curve over the steps of a run, as SVG.</summary>
internal static class CurvePlot
{
    /// <summary>Draws one or more curves.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="curves">Name and points of each; points that are not finite are left out.</param>
    /// <param name="logarithmic">Whether the vertical axis shows powers of ten.</param>
    /// <returns>An svg element.</returns>
    public static string Svg(string title, IReadOnlyList<(string Name, double[] X, double[] Y)> curves, bool logarithmic = false) =>
        new SvgChart { Title = title, XLabel = "step", Logarithmic = logarithmic }.Draw(
            [.. curves.Select((curve, i) => new ChartSeries(curve.Name, [.. curve.X.Zip(curve.Y, (x, y) => (x, y, 0.0))]) { Colour = i })]);
}
