using System.Globalization;
using System.Text.Json;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner.Reporting;

/// <summary>The page of a run folder, made of what lies in it: metrics, pictures, results of other commands, the recipe.</summary>
internal static class RunReport
{
    /// <summary>Folder of a run in which other commands leave their result objects.</summary>
    public const string Results = "results";

    private static readonly (string Name, string Title, bool Logarithmic)[] Curves =
    [
        ("loss", "loss", true), ("lr", "learning rate", false), ("gradient_norm", "gradient norm", true), ("images_per_second", "images a second", false),
        ("knn_top1", "k-nearest neighbours on held-out images, %", false),
    ];

    /// <summary>Writes <c>report.html</c>.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="title">Title of the page.</param>
    /// <param name="failure">Why the run stopped before its end, or null.</param>
    public static void Write(string folder, string title, string? failure = null)
    {
        var report = new HtmlReport(title);
        if (failure is not null)
        {
            report.Heading("Stopped").Paragraph(failure);
        }

        AddResults(report, Path.Combine(folder, Results));
        AddPictures(report, Path.Combine(folder, RunFiles.Pictures));
        AddCurves(report, Path.Combine(folder, RunFiles.Metrics));
        var config = Path.Combine(folder, RunFiles.Config);
        if (File.Exists(config))
        {
            report.Heading("Recipe").Folded(RunFiles.Config, File.ReadAllText(config));
        }

        report.Save(Path.Combine(folder, RunFiles.Report));
    }

    /// <summary>Writes it unless the disk refuses: the failure that brought us here says more.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="title">Title of the page.</param>
    /// <param name="failure">Why the run stopped before its end.</param>
    public static void TryWrite(string folder, string title, string failure)
    {
        try
        {
            Write(folder, title, failure);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The caller's own error is reported.
        }
    }

    private static void AddResults(HtmlReport report, string folder)
    {
        foreach (var file in Files(folder, "*.json"))
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(file));
            report.Heading(Path.GetFileNameWithoutExtension(file));
            var values = json.RootElement.EnumerateObject().ToArray();
            var bars = values.Where(v => v.Name.EndsWith("top1", StringComparison.Ordinal) && v.Value.ValueKind == JsonValueKind.Number);
            report.Bars(bars.Select(v => (Bar(v.Name), v.Value.GetDouble())));
            report.Table(values
                .Where(v => v.Value.ValueKind is JsonValueKind.Number or JsonValueKind.String)
                .Select(v => (v.Name, v.Value.ToString())));
        }
    }

    private static string Bar(string name) => name switch
    {
        "top1" => "trained encoder",
        "random_top1" => "random encoder",
        "pixels_top1" => "raw pixels",
        "knn_top1" => "trained, kNN",
        _ => name,
    };

    private static void AddPictures(HtmlReport report, string folder)
    {
        foreach (var file in Files(folder, "*.png"))
        {
            report.Picture(File.ReadAllBytes(file), Path.GetFileNameWithoutExtension(file).Replace('-', ' '));
        }
    }

    private static void AddCurves(HtmlReport report, string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        var lines = File.ReadLines(path).Select(Parse).OfType<Dictionary<string, double>>().ToArray();
        report.Heading("Training");
        foreach (var (name, title, logarithmic) in Curves)
        {
            var points = lines.Where(l => l.ContainsKey(name)).ToArray();
            if (points.Length > 0)
            {
                report.Plot(CurvePlot.Svg(title, [(title, [.. points.Select(p => p["step"])], [.. points.Select(p => p[name])])], logarithmic));
            }
        }
    }

    /// <summary>The numbers of a line; null for one that a crash cut short.</summary>
    private static Dictionary<string, double>? Parse(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var numbers = json.RootElement.EnumerateObject()
                .Where(v => v.Value.ValueKind == JsonValueKind.Number)
                .ToDictionary(v => v.Name, v => v.Value.GetDouble());
            return numbers.ContainsKey("step") ? numbers : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string[] Files(string folder, string pattern) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)] : [];

    /// <summary>A number for people.</summary>
    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
