using System.Globalization;
using System.Text;
using System.Text.Json;

namespace LDaeCore.Runner.Reporting;

/// <summary>The figures of a run folder as HTML. A malformed one is omitted.</summary>
internal static class RunFigures
{
    private const int MostNames = 12;

    /// <summary>Adds a figure.</summary>
    /// <param name="report">The page.</param>
    /// <param name="contents">The folder.</param>
    /// <param name="name">One of the names of <see cref="FigureFiles"/>.</param>
    /// <returns>Whether it exists.</returns>
    public static bool Add(HtmlReport report, RunContents contents, string name)
    {
        if (contents.Figure(name) is not { } figure)
        {
            return false;
        }

        // A separate part, so that no half of a malformed figure gets into the page.
        var part = new HtmlReport(name);
        try
        {
            switch (name)
            {
                case FigureFiles.Denoising:
                    AddDenoising(part, figure);
                    break;
                case FigureFiles.Components:
                    AddComponents(part, figure);
                    break;
                case FigureFiles.Neighbours:
                    AddNeighbours(part, figure);
                    break;
                default:
                    AddConfusion(part, figure);
                    break;
            }

            report.Include(part);
            return true;
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            return false;
        }
    }

    private static void AddDenoising(HtmlReport report, JsonElement figure)
    {
        var (sigma, images, kept) = (figure.GetProperty("sigma").GetDouble(), figure.GetProperty("images").GetInt32(), figure.GetProperty("kept").GetInt32());
        var html = new StringBuilder("<div class=\"rows\">");
        foreach (var input in figure.GetProperty("inputs").EnumerateArray())
        {
            var (label, ratio) = input.GetProperty("name").GetString() switch
            {
                "clean" => ("clean", null),
                "projected" => ("projected", RunContents.Number(figure, "psnr_projected")),
                _ => ("noised", RunContents.Number(figure, "psnr_noised")),
            };
            AddRow(html, label, ratio, Picture(input));
        }

        html.Append("<div class=\"rule\"></div>");
        var rows = figure.GetProperty("rows").EnumerateArray().ToArray();
        foreach (var row in rows)
        {
            AddRow(html, string.Create(CultureInfo.InvariantCulture, $"step {row.GetProperty("step").GetInt64()}"), row.GetProperty("psnr").GetDouble(), Picture(row));
        }

        html.Append("</div>");
        report.Heading("Denoising, through training").Figure(
            html.ToString(),
            string.Create(
                CultureInfo.InvariantCulture,
                $"The same {Wording.Count(images, "training image")} at every step, one a column. Above the line: clean; projected onto the {kept} latents that are kept of "
                    + $"each patch; with noise of {sigma:G3} standard deviations added to these latents. Below it, the network's reconstructions of the noised ones after so many "
                    + $"steps. Numbers: peak signal-to-noise ratio to the clean images in dB, mean over them; higher is sharper."));
    }

    private static void AddRow(StringBuilder html, string label, double? ratio, byte[] png)
    {
        var below = ratio is { } value ? string.Create(CultureInfo.InvariantCulture, $"<small>{value:F1} dB</small>") : "";
        html.Append(CultureInfo.InvariantCulture, $"<div>{HtmlReport.Escape(label)}{below}</div>{HtmlReport.Image(png, label, "strip")}");
    }

    private static void AddComponents(HtmlReport report, JsonElement figure)
    {
        int Number(string name) => figure.GetProperty(name).GetInt32();
        var (patch, dimensions, shown, kept) = (Number("patch"), Number("dimensions"), Number("shown"), Number("kept"));
        var energies = figure.GetProperty("energies").EnumerateArray().Select(value => value.GetDouble()).ToArray();
        var filters = HtmlReport.Image(Picture(figure), $"{shown} filters", "filters");
        report.Heading("Principal components").Charts(
        [
            (filters, string.Create(
                CultureInfo.InvariantCulture,
                $"The first {shown} of {dimensions} principal components of patches of {patch} by {patch} pixels, left to right by decreasing variance. Grey is zero; each is "
                    + $"scaled to its own largest value.")),
            (
                CurvePlot.Svg(
                    "share of the variance", [("share", [.. Enumerable.Range(1, energies.Length).Select(i => (double)i)], energies)], logarithmic: true, x: "component",
                    marked: energies.Length <= 100),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Share of the patches' variance along each component, on a logarithmic scale. The tokenizer keeps the first {kept}, which hold "
                        + $"{100 * figure.GetProperty("kept_energy").GetDouble():F1} % of it.")),
        ]);
    }

    private static void AddNeighbours(HtmlReport report, JsonElement figure)
    {
        var count = figure.GetProperty("neighbours").GetInt32();
        var html = new StringBuilder();
        foreach (var query in figure.GetProperty("queries").EnumerateArray())
        {
            var truth = query.GetProperty("class").GetString()!;
            html.Append(
                CultureInfo.InvariantCulture,
                $"<div class=\"query\">{HtmlReport.Image(Picture(query), $"{truth} and its neighbours", "strip")}<div><span>{Short(truth)}<small>query</small></span>");
            foreach (var near in query.GetProperty("nearest").EnumerateArray())
            {
                var name = near.GetProperty("class").GetString()!;
                html.Append(
                    CultureInfo.InvariantCulture, $"<span>{(name == truth ? "✓" : "✗")} {Short(name)}<small>{near.GetProperty("similarity").GetDouble():F2}</small></span>");
            }

            html.Append("</div></div>");
        }

        report.Heading("Nearest neighbours").Figure(
            html.ToString(),
            $"Left: the first test image of a class. Right of it: the {count} of {figure.GetProperty("training_images").GetInt32()} training images whose features are most "
                + $"similar to its own, with their class (✓ the same, ✗ another) and the cosine similarity of the normalised features (1 is the same direction).");
    }

    private static void AddConfusion(HtmlReport report, JsonElement figure)
    {
        var (images, seed, top1) = (figure.GetProperty("images").GetInt32(), figure.GetProperty("seed").GetInt64(), figure.GetProperty("top1").GetDouble());
        var of = string.Create(CultureInfo.InvariantCulture, $"Linear probe of the trained encoder, {Wording.Count(images, "test image")}, seed {seed}: {top1:F2} % are right.");
        report.Heading("Confusions");
        if (figure.TryGetProperty("counts", out var counts))
        {
            report.Figure(
                Matrix([.. figure.GetProperty("classes").EnumerateArray().Select(name => name.GetString()!)], counts),
                $"{of} Rows: the class of the images; columns: the class that was chosen; numbers: percent of a row's images, rounded, empty below a half. The diagonal is right.");
        }
        else
        {
            report.Table(["class", "taken for", "images"], figure.GetProperty("mistakes").EnumerateArray().Select(mistake => (IReadOnlyList<string>)
            [
                mistake.GetProperty("class").GetString()!,
                mistake.GetProperty("taken_for").GetString()!,
                $"{mistake.GetProperty("count").GetInt32()} of {mistake.GetProperty("images").GetInt32()}",
            ])).Note($"{of} The most frequent mistakes; a matrix of {figure.GetProperty("class_count").GetInt32()} classes would not be legible.");
        }
    }

    private static string Matrix(string[] names, JsonElement counts)
    {
        var html = new StringBuilder("<div class=\"wide\"><table class=\"matrix\"><thead><tr><th></th>");
        html.Append(string.Concat(names.Select(name => $"<th scope=\"col\">{HtmlReport.Escape(name)}</th>"))).Append("</tr></thead><tbody>");
        foreach (var (name, row) in names.Zip(counts.EnumerateArray()))
        {
            var values = row.GetProperty("row").EnumerateArray().Select(value => value.GetDouble()).ToArray();
            var sum = Math.Max(1, values.Sum());
            html.Append(CultureInfo.InvariantCulture, $"<tr><th scope=\"row\">{HtmlReport.Escape(name)}</th>");
            foreach (var percent in values.Select(value => 100 * value / sum))
            {
                html.Append(
                    CultureInfo.InvariantCulture,
                    $"<td style=\"background:color-mix(in srgb,var(--heat) {percent:F0}%,var(--paper))\">{(percent < 0.5 ? "" : $"{percent:F0}")}</td>");
            }

            html.Append("</tr>");
        }

        return html.Append("</tbody></table></div>").ToString();
    }

    private static string Short(string name) => HtmlReport.Escape(name.Length > MostNames ? $"{name[..(MostNames - 1)]}…" : name);

    private static byte[] Picture(JsonElement holder) => RunContents.Png(holder.GetProperty("png")) ?? throw new FormatException("Not a PNG.");
}
