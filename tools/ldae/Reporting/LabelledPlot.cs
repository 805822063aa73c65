using ScottPlot;

namespace LDaeCore.Runner.Reporting;

/// <summary>Percentages at named places in a row, as SVG.</summary>
internal static class LabelledPlot
{
    private const int PlaceWidth = 48, Margin = 160, Height = 460;

    /// <summary>Draws one or more lines of points.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="labels">The names of the places.</param>
    /// <param name="series">Name, and at each place a value with its spread; null for none.</param>
    /// <returns>An svg element.</returns>
    public static string Svg(string title, IReadOnlyList<string> labels, IReadOnlyList<(string Name, (double Value, double Spread)?[] Points)> series)
    {
        using var plot = new Plot();
        foreach (var (name, points) in series)
        {
            var there = points.Select((point, place) => (Place: (double)place, Point: point)).Where(p => p.Point is not null).Select(p => (p.Place, Point: p.Point!.Value)).ToArray();
            if (there.Length == 0)
            {
                continue;
            }

            var (x, y) = (there.Select(p => p.Place).ToArray(), there.Select(p => p.Point.Value).ToArray());
            var line = plot.Add.Scatter(x, y);
            (line.LegendText, line.MarkerSize, line.LineWidth) = (name, 7, 1);
            if (there.Any(p => p.Point.Spread > 0))
            {
                plot.Add.ErrorBar(x, y, there.Select(p => p.Point.Spread / 2).ToArray()).Color = line.Color;
            }
        }

        var ticks = new ScottPlot.TickGenerators.NumericManual();
        for (var place = 0; place < labels.Count; place++)
        {
            ticks.AddMajor(place, labels[place]);
        }

        plot.Axes.Bottom.TickGenerator = ticks;
        if (labels.Any(label => label.Length > 6))
        {
            plot.Axes.Bottom.TickLabelStyle.Rotation = 45;
            plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
            plot.Axes.Bottom.MinimumSize = 120;
            plot.Axes.Right.MinimumSize = 60;
        }

        plot.Title(title);
        plot.YLabel("linear probe, %");
        plot.ShowLegend();
        var svg = plot.GetSvgXml(Margin + (PlaceWidth * Math.Max(8, labels.Count)), Height);
        var start = svg.IndexOf("<svg", StringComparison.Ordinal);
        return start > 0 ? svg[start..] : svg;
    }
}
