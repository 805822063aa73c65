using System.Globalization;
using System.Net;
using System.Text;

namespace LDaeCore.Runner.Reporting;

/// <summary>
/// A chart as SVG, written directly: its text stays text, in the reader's own font. (SkiaSharp without native dependencies
/// has no fonts on Linux and omits text.) Its colours are for white paper; a page can change them by its classes.
/// </summary>
internal sealed class SvgChart
{
    private const int Left = 64, Right = 16, Top = 32, TickLength = 5, LegendLine = 18, MostTicks = 7, LetterWidth = 7, LongestName = 40;

    private static readonly string[] Colours = ["#1f77b4", "#d9700b", "#2a8f2a", "#c3282d", "#8457ad", "#8c564b"];

    /// <summary>Number of colours.</summary>
    public static int ColourCount => Colours.Length;

    private static readonly double[] RoundFactors = [1, 2, 5, 10];

    private static readonly double[] RoundDigits = [1, 2, 5];

    /// <summary>Its title.</summary>
    public required string Title { get; init; }

    /// <summary>Label of the horizontal axis; may be empty.</summary>
    public string XLabel { get; init; } = "";

    /// <summary>Label of the vertical axis; may be empty.</summary>
    public string YLabel { get; init; } = "";

    /// <summary>Names of the positions 0, 1, 2 ...; numbers when null.</summary>
    public IReadOnlyList<string>? Places { get; init; }

    /// <summary>Whether the vertical axis shows powers of ten; values of 0 and below are omitted.</summary>
    public bool Logarithmic { get; init; }

    /// <summary>Width in pixels.</summary>
    public int Width { get; init; } = 640;

    /// <summary>Height in pixels, without a legend below.</summary>
    public int Height { get; init; } = 300;

    /// <summary>Whether the legend is below the plot instead of at its side.</summary>
    public bool LegendBelow { get; init; }

    private bool Slanted => Places?.Any(place => place.Length > 6) == true;

    private int Bottom => Slanted ? 116 : XLabel.Length > 0 ? 48 : 32;

    /// <summary>Draws the lines.</summary>
    /// <param name="series">The lines; those without a point are in the legend only.</param>
    /// <returns>An svg element.</returns>
    public string Draw(IReadOnlyList<ChartSeries> series)
    {
        var shown = series.Select(line => (Line: line, Points: Finite(line))).ToArray();
        var all = shown.SelectMany(line => line.Points).DefaultIfEmpty((X: 0, Y: 0, Spread: 0)).ToArray();
        var (left, right) = Places is { } places ? (-0.5, places.Count - 0.5) : Range(all.Min(p => p.X), all.Max(p => p.X));
        var (low, high) = Padded(all.Min(p => p.Y - (p.Spread / 2)), all.Max(p => p.Y + (p.Spread / 2)));
        var right0 = Width - Right - (series.Count > 1 && !LegendBelow ? LegendWidth(series) : 0);
        var legend = series.Count > 1 ? Legend(series, right0 + 10) : [];
        var height = LegendBelow && legend.Count > 0 ? (int)legend.Max(place => place.Y) + LegendLine : Height;
        double X(double x) => Left + ((x - left) / (right - left) * (right0 - Left));
        double Y(double y) => Height - Bottom - ((y - low) / (high - low) * (Height - Bottom - Top));

        var svg = new StringBuilder();
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" aria-label=\"{WebUtility.HtmlEncode(Title)}\" width=\"{Width}\" height=\"{height}\" viewBox=\"0 0 "
                + $"{Width} {height}\" font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"#222\">");
        svg.Append(Words(Left, 18, Title, "font-weight=\"bold\""));
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<rect class=\"frame\" x=\"{Left}\" y=\"{Top}\" width=\"{right0 - Left}\" height=\"{Height - Bottom - Top}\" fill=\"none\" stroke=\"#888\"/>");
        foreach (var tick in Logarithmic ? LogarithmicTicks(low, high) : Ticks(low, high))
        {
            svg.Append(Path([(Left, Y(tick)), (right0, Y(tick))], "class=\"rule\" stroke=\"#ddd\""));
            svg.Append(Words(Left - TickLength, Y(tick) + 4, Number(Logarithmic ? Math.Pow(10, tick) : tick), "text-anchor=\"end\""));
        }

        AddPlaces(svg, left, right, X);
        svg.Append(
            Words(
                14, (Top + Height - Bottom) / 2.0, YLabel,
                string.Create(CultureInfo.InvariantCulture, $"text-anchor=\"middle\" transform=\"rotate(-90 14 {(Top + Height - Bottom) / 2.0})\"")));
        svg.Append(Words((Left + right0) / 2.0, Height - 8, XLabel, "text-anchor=\"middle\""));
        foreach (var (line, points) in shown)
        {
            AddLine(svg, line, [.. points.Select(p => (X(p.X), Y(p.Y), Y(p.Y - (p.Spread / 2)) - Y(p.Y)))]);
        }

        AddLegend(svg, series, legend);
        return svg.Append("</svg>").ToString();
    }

    private (double X, double Y, double Spread)[] Finite(ChartSeries line) =>
        [.. line.Points.Where(p => double.IsFinite(p.X) && double.IsFinite(p.Y) && (!Logarithmic || p.Y > 0))
            .Select(p => Logarithmic ? (p.X, Math.Log10(p.Y), 0) : p)];

    private void AddPlaces(StringBuilder svg, double left, double right, Func<double, double> x)
    {
        var floor = Height - Bottom;
        var ticks = Places is { } places ? places.Select((name, i) => ((double)i, name)) : Ticks(left, right).Select(tick => (tick, Number(tick)));
        foreach (var (at, name) in ticks)
        {
            svg.Append(Path([(x(at), floor), (x(at), floor + TickLength)], "class=\"frame\" stroke=\"#888\""));
            svg.Append(Slanted
                ? Words(x(at), floor + 16, name, string.Create(CultureInfo.InvariantCulture, $"transform=\"rotate(40 {x(at):F1} {floor + 16})\""))
                : Words(x(at), floor + 18, name, "text-anchor=\"middle\""));
        }
    }

    private static void AddLine(StringBuilder svg, ChartSeries line, (double X, double Y, double Half)[] points)
    {
        var (colour, name) = (Colour(line), Class(line));
        svg.Append(Path([.. points.Select(p => (p.X, p.Y))], $"class=\"{name}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{Dash(line)}"));
        foreach (var (x, y, half) in points)
        {
            if (half > 0)
            {
                svg.Append(Path([(x, y - half), (x, y + half)], $"class=\"{name}\" stroke=\"{colour}\" stroke-width=\"1\""));
            }

            if (line.Marked || points.Length == 1)
            {
                svg.Append(CultureInfo.InvariantCulture, $"<circle class=\"{name}\" cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"3.5\" fill=\"{colour}\"/>");
            }
        }
    }

    private static void AddLegend(StringBuilder svg, IReadOnlyList<ChartSeries> series, IReadOnlyList<(double X, double Y)> places)
    {
        foreach (var (line, (x, y)) in series.Zip(places))
        {
            svg.Append(Path([(x, y), (x + 20, y)], $"class=\"{Class(line)}\" stroke=\"{Colour(line)}\" stroke-width=\"2\"{Dash(line)}"));
            svg.Append(Words(x + 26, y + 4, Shown(line), ""));
        }
    }

    /// <summary>Positions of the legend's names: one below the other at the side, or in lines below the plot.</summary>
    private List<(double X, double Y)> Legend(IReadOnlyList<ChartSeries> series, double side)
    {
        var places = new List<(double X, double Y)>();
        var (x, y) = LegendBelow ? (16.0, Height + 6.0) : (side, Top + 10.0);
        foreach (var line in series)
        {
            var wide = 44 + (LetterWidth * Shown(line).Length);
            if (places.Count > 0 && (!LegendBelow || x + wide > Width))
            {
                (x, y) = (LegendBelow ? 16 : side, y + LegendLine);
            }

            places.Add((x, y));
            x += wide;
        }

        return places;
    }

    private static int LegendWidth(IReadOnlyList<ChartSeries> series) => 44 + (LetterWidth * series.Max(line => Shown(line).Length));

    private static string Shown(ChartSeries line) => line.Name.Length > LongestName ? $"{line.Name[..(LongestName - 1)]}…" : line.Name;

    private static string Class(ChartSeries line) => string.Create(CultureInfo.InvariantCulture, $"s{line.Colour % Colours.Length}");

    private static string Colour(ChartSeries line) => Colours[line.Colour % Colours.Length];

    private static string Dash(ChartSeries line) => line.Dashed ? " stroke-dasharray=\"5 4\"" : "";

    private static string Path(IReadOnlyList<(double X, double Y)> points, string style) => points.Count == 0
        ? ""
        : $"<path d=\"M{string.Join('L', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X:F1} {p.Y:F1}")))}\" {style}/>";

    private static string Words(double x, double y, string text, string style) => text.Length == 0
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $"<text x=\"{x:F1}\" y=\"{y:F1}\" {style}>{WebUtility.HtmlEncode(text)}</text>");

    private static string Number(double value) => value.ToString(Math.Abs(value) < 1e6 ? "G4" : "G3", CultureInfo.InvariantCulture);

    /// <summary>A range that is not empty.</summary>
    private static (double Low, double High) Range(double low, double high) => high > low ? (low, high) : (low - 0.5, high + 0.5);

    private static (double Low, double High) Padded(double low, double high)
    {
        var (from, to) = Range(low, high);
        return (from - (0.06 * (to - from)), to + (0.06 * (to - from)));
    }

    /// <summary>Logarithms of round numbers in a range of logarithms: 1, 2 and 5 times powers of ten, or only the powers where there are many.</summary>
    internal static IEnumerable<double> LogarithmicTicks(double low, double high)
    {
        var powers = Enumerable.Range((int)Math.Floor(low), (int)(Math.Ceiling(high) - Math.Floor(low)) + 1).ToArray();
        double[] Inside(IEnumerable<double> ticks) => [.. ticks.Where(tick => tick >= low && tick <= high)];
        var all = Inside(powers.SelectMany(_ => RoundDigits, (power, digit) => power + Math.Log10(digit)));
        return all.Length is > 1 and <= MostTicks ? all
            : all.Length <= 1 ? Ticks(Math.Pow(10, low), Math.Pow(10, high)).Where(value => value > 0).Select(Math.Log10)
            : Inside(powers.Where(power => power % Math.Ceiling(powers.Length / (double)MostTicks) == 0).Select(power => (double)power));
    }

    /// <summary>Round numbers in a range: 1, 2 or 5 times a power of ten apart.</summary>
    internal static IEnumerable<double> Ticks(double low, double high)
    {
        var rough = (high - low) / MostTicks;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = power * RoundFactors.First(factor => power * factor >= rough);
        for (var i = Math.Ceiling(low / step); i * step <= high; i++)
        {
            // Minus zero is written as zero.
            yield return Math.Round(i * step, 12) + 0.0;
        }
    }
}

/// <summary>One line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Position, value and its spread, which is drawn as a bar; points that are not finite are omitted.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y, double Spread)> Points)
{
    /// <summary>Index of its colour; series may share one.</summary>
    public int Colour { get; init; }

    /// <summary>Whether the line is dashed.</summary>
    public bool Dashed { get; init; }

    /// <summary>Whether each point has a mark.</summary>
    public bool Marked { get; init; }
}

/// <summary>Curves over the steps of runs, as SVG that fits a phone.</summary>
internal static class CurvePlot
{
    private const int Width = 352, Height = 250;

    /// <summary>Draws one or more curves.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="curves">Name and points of each; points that are not finite are omitted.</param>
    /// <param name="logarithmic">Whether the vertical axis shows powers of ten.</param>
    /// <param name="x">Label of the horizontal axis.</param>
    /// <param name="marked">Whether each point has a mark.</param>
    /// <returns>An svg element.</returns>
    public static string Svg(
        string title, IReadOnlyList<(string Name, double[] X, double[] Y)> curves, bool logarithmic = false, string x = "step", bool marked = false) =>
        new SvgChart { Title = title, XLabel = x, Logarithmic = logarithmic, Width = Width, Height = Height, LegendBelow = true }.Draw(
            [
                .. curves.Select(
                    (curve, i) =>
                        new ChartSeries(curve.Name, [.. curve.X.Zip(curve.Y, (x, y) => (x, y, 0.0))]) { Colour = i, Dashed = i >= SvgChart.ColourCount, Marked = marked })]);
}

/// <summary>Accuracies at named positions, ours and the paper's, as SVG.</summary>
internal static class LabelledPlot
{
    private const int PlaceWidth = 48, Margin = 240, Height = 420;

    /// <summary>Draws pairs of lines: ours, and the paper's in the same colour and dashed.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="labels">The names of the positions.</param>
    /// <param name="lines">Name of a pair; at each position our value with its spread, and the paper's; null for none.</param>
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
