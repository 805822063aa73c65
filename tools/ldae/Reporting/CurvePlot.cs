using ScottPlot;

namespace LDaeCore.Runner.Reporting;

/// <summary>A curve over the steps of a run, as SVG.</summary>
internal static class CurvePlot
{
    private const int Width = 640, Height = 300;

    /// <summary>Draws one or more curves.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="curves">Name and points of each; points that are not finite are left out.</param>
    /// <param name="logarithmic">Whether the vertical axis shows powers of ten.</param>
    /// <returns>An svg element.</returns>
    public static string Svg(string title, IReadOnlyList<(string Name, double[] X, double[] Y)> curves, bool logarithmic = false)
    {
        using var plot = new Plot();
        foreach (var (name, x, y) in curves)
        {
            var points = x.Zip(y).Where(p => double.IsFinite(p.Second) && (!logarithmic || p.Second > 0)).ToArray();
            var line = plot.Add.Scatter(
                points.Select(p => p.First).ToArray(), points.Select(p => logarithmic ? Math.Log10(p.Second) : p.Second).ToArray());
            (line.LegendText, line.MarkerSize, line.LineWidth) = (name, points.Length > 1 ? 0 : 6, 2);
        }

        if (logarithmic)
        {
            plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
            {
                LabelFormatter = power => Math.Pow(10, power).ToString("G3", System.Globalization.CultureInfo.InvariantCulture),
            };
        }

        plot.Title(title);
        plot.XLabel("step");
        if (curves.Count > 1)
        {
            plot.ShowLegend();
        }

        var svg = plot.GetSvgXml(Width, Height);
        var start = svg.IndexOf("<svg", StringComparison.Ordinal);
        return start > 0 ? svg[start..] : svg;
    }
}
