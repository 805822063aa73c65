using System.Globalization;
using System.Text.Json;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner.Reporting;

/// <summary>The page of a run folder, from its files: results, pictures, figures, metrics, the recipe. Missing parts are listed.</summary>
internal static class RunReport
{
    /// <summary>Folder of a run with the result objects of commands.</summary>
    public const string Results = "results";

    private const string Accuracy = "top1";

    private static readonly (string Name, string Title, bool Logarithmic, string Caption)[] Curves =
    [
        ("loss", "loss", true, "Loss of a step: the weighted squared error, mean over the images of a batch; logarithmic scale."),
        ("lr", "learning rate", false, "Learning rate of each optimizer step: it rises, then falls by half a cosine."),
        ("gradient_norm", "gradient norm", true, "Euclidean norm of the whole gradient before clipping; logarithmic scale."),
        ("images_per_second", "images a second", false, "Speed: training images a second, median over the steps so far."),
        ("knn_top1", "nearest neighbours, %", false, "Held-out images whose class weighted nearest neighbours find, percent."),
    ];

    /// <summary>Writes <c>report.html</c>.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="title">Title of the page.</param>
    /// <param name="failure">Why the run stopped before its end, or null.</param>
    public static void Write(string folder, string title, string? failure = null) =>
        Page(new RunContents(folder), title, failure).Save(Path.Combine(folder, RunFiles.Report));

    /// <summary>Writes it if possible: the caller's error is more important.</summary>
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

    /// <summary>The default title of a folder's page.</summary>
    /// <param name="contents">The folder.</param>
    public static string TitleOf(RunContents contents) =>
        contents.Results.Any(result => result.Name == Commands.DemoCommand.Name) ? Commands.DemoCommand.Title
        : contents.IsTokenizer ? $"Tokenizer: {contents.Name}"
        : contents.IsTraining ? $"l-DAE pretraining: {contents.Name}"
        : $"l-DAE: {contents.Name}";

    /// <summary>The page.</summary>
    /// <param name="contents">The folder's content.</param>
    /// <param name="title">Title of the page.</param>
    /// <param name="failure">Why the run stopped before its end, or null.</param>
    public static HtmlReport Page(RunContents contents, string title, string? failure = null)
    {
        var report = new HtmlReport(title);
        if (failure is not null)
        {
            report.Heading("Stopped").Paragraph(failure);
        }

        report.Table(RunFacts.Of(contents));
        if (contents.Commands.Count > 0)
        {
            report.Typed(string.Join('\n', contents.Commands));
        }

        AddResults(report, contents);
        var missing = Missing(contents).ToList();
        void Figure(string name, string otherwise)
        {
            if (!RunFigures.Add(report, contents, name) && contents.IsTraining)
            {
                missing.Add(otherwise);
            }
        }

        Figure(FigureFiles.Denoising, "No denoising through training: no picture was drawn yet, or the run is older than these pictures.");
        AddPictures(report, contents);
        AddCurves(report, contents.Metrics);
        Figure(FigureFiles.Components, NoComponents(contents.Recipe));
        Figure(FigureFiles.Neighbours, $"No nearest neighbours of sample images: {ProbeCommandOf(contents)} adds them here.");
        Figure(FigureFiles.Confusion, $"No confusion matrix: {ProbeCommandOf(contents)} adds it here.");
        AddRecipe(report, contents);
        if (missing.Count > 0)
        {
            report.Heading("Not in this run").Items(missing);
        }

        return report;
    }

    /// <summary>A number for people.</summary>
    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>A field's value, six digits of a fraction, so that a phone shows the columns; config.json has all of them.</summary>
    public static string Short(string value) =>
        value.Contains('.', StringComparison.Ordinal) && double.TryParse(value, CultureInfo.InvariantCulture, out var number) ? Number(number, "G6") : value;

    private static void AddResults(HtmlReport report, RunContents contents)
    {
        foreach (var (name, values) in contents.Results)
        {
            var bars = values.EnumerateObject()
                .Where(value => value.Name.EndsWith(Accuracy, StringComparison.Ordinal) && value.Value.ValueKind == JsonValueKind.Number)
                .Select(value => (Bar(value.Name), value.Value.GetDouble())).ToArray();
            if (bars.Length > 0)
            {
                report.Heading(name is Commands.DemoCommand.Name or Commands.ProbeCommand.Name ? "Accuracy of the probe" : $"Accuracy of the probe ({name})")
                    .Bars(bars)
                    .Note(RunFacts.OfProbe(values));
            }

            report.Folded($"All numbers of {Results}/{name}.json", string.Join('\n', values.EnumerateObject()
                .Where(value => value.Value.ValueKind is JsonValueKind.Number or JsonValueKind.String or JsonValueKind.True or JsonValueKind.False)
                .Select(value => $"{value.Name}: {value.Value}")));
        }
    }

    private static string Bar(string name) => name switch
    {
        Accuracy => "trained encoder",
        "random_top1" => "random encoder",
        "pixels_top1" => "raw pixels",
        "knn_top1" => "trained, kNN",
        _ => name,
    };

    private static void AddPictures(HtmlReport report, RunContents contents)
    {
        const string grid = "clean-projected-noised-denoised-at-sigma-";
        if (contents.Pictures.Count > 0)
        {
            report.Heading("Pictures");
        }

        foreach (var (name, png) in contents.Pictures)
        {
            report.Picture(png, name switch
            {
                _ when name.StartsWith(grid, StringComparison.Ordinal) =>
                    $"Images that were not trained on, one a column. From top to bottom: clean; projected onto the latents that are kept of each patch; with noise of "
                        + $"{name[grid.Length..]} standard deviations added to them; denoised by the network.",
                "principal-components" => "The first principal components of patches, left to right by decreasing variance. Grey is zero; each is scaled to its own largest value.",
                "original-and-reconstructed" => "Images that were not trained on, above, and their reconstructions by the tokenizer below.",
                "samples" => "Images drawn from noise alone.",
                _ => name.Replace('-', ' '),
            });
        }
    }

    private static void AddCurves(HtmlReport report, RunMetrics metrics)
    {
        var charts = Curves.Select(curve => (curve, Points: metrics.Curve(curve.Name))).Where(found => found.Points.X.Length > 0).ToArray();
        if (charts.Length == 0)
        {
            return;
        }

        var stretch = RunMetrics.Stretch(metrics.Lines.Count);
        report.Heading("Training").Charts(charts.Select(found => (
            CurvePlot.Svg(found.curve.Title, [(found.curve.Title, found.Points.X, found.Points.Y)], found.curve.Logarithmic),
            stretch == 1 ? found.curve.Caption : $"{found.curve.Caption} Each point is a mean over {stretch} logged steps.")));
    }

    private static void AddRecipe(HtmlReport report, RunContents contents)
    {
        if (contents.Recipe?.Resolve() is { } recipe)
        {
            var usual = new Recipe().Resolve();
            report.Heading("Recipe").Table(
                ["field", "value", "default"],
                RecipeFields.All.Where(field => field.Get(recipe) != field.Get(usual))
                    .Select(field => (IReadOnlyList<string>)[field.Name, Short(field.Get(recipe)), Short(field.Get(usual))]))
                .Note("The fields that differ from their defaults.");
        }

        if (contents.Config is { } config)
        {
            report.Folded($"All fields: {RunFiles.Config}", config);
        }
    }

    private static IEnumerable<string> Missing(RunContents contents)
    {
        if (contents.IsTraining && contents.Metrics.Lines.Count == 0)
        {
            yield return "No curves: no step was logged yet.";
        }
    }

    private static string NoComponents(Recipe? recipe) => recipe is { Tokenizer.Kind: not (TokenizerKind.Pca or TokenizerKind.Identity) }
        ? $"No filters: a tokenizer of kind {RecipeFields.Get("tokenizer.kind").Get(recipe)} has no principal components."
        : "No filters: the run has not fitted its components yet, or is older than this picture.";

    private static string ProbeCommandOf(RunContents contents) =>
        $"ldae probe --checkpoint {contents.Folder} --data {contents.Data ?? "DATA"}";
}
