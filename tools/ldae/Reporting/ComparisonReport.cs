using System.Globalization;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Reporting;

/// <summary>Several runs on one page: their results side by side, their curves in common charts, and the fields in which their recipes differ.</summary>
internal static class ComparisonReport
{
    private const string Nothing = "-";

    private static readonly (string Name, string Title, bool Logarithmic)[] Curves =
        [("loss", "loss", true), ("lr", "learning rate", false), ("knn_top1", "nearest neighbours, %", false), ("images_per_second", "images a second", false)];

    /// <summary>The page.</summary>
    /// <param name="runs">The runs, two or more.</param>
    /// <param name="links">Links to the pages of the runs.</param>
    public static HtmlReport Page(IReadOnlyList<RunContents> runs, IReadOnlyList<string> links)
    {
        var names = Names(runs);
        var report = new HtmlReport($"l-DAE: {Wording.Count(runs.Count, "run")} compared").Links(links.Zip(names));
        report.Heading("Results").Table(
            ["", .. names],
            RunFacts.All
                .Select(fact => (fact.Title, Values: runs.Select(run => RunFacts.Value(run, fact.Name) is { } value ? fact.Show(value) : Nothing).ToArray()))
                .Where(row => row.Values.Any(value => value != Nothing))
                .Select(row => (IReadOnlyList<string>)[row.Title, .. row.Values]))
            .Note($"The last results of each run; {Nothing} where there is none.");
        var charts = Curves
            .Select(curve => (curve, Lines: runs.Zip(names, (run, name) => (Name: name, Points: run.Metrics.Curve(curve.Name))).ToArray()))
            .Where(chart => chart.Lines.Any(line => line.Points.X.Length > 0)).ToArray();
        if (charts.Length > 0)
        {
            report.Heading("Training").Charts(charts.Select(chart => (
                CurvePlot.Svg(chart.curve.Title, [.. chart.Lines.Select(line => (line.Name, line.Points.X, line.Points.Y))], chart.curve.Logarithmic),
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{chart.curve.Title} of each run over its optimizer steps{(chart.curve.Logarithmic ? "; logarithmic scale" : "")}. Of long runs a point is a mean over "
                        + $"neighbouring logged steps."))));
        }

        AddDifferences(report, runs, names);
        return report;
    }

    private static void AddDifferences(HtmlReport report, IReadOnlyList<RunContents> runs, string[] names)
    {
        Recipe?[] recipes = [.. runs.Select(run => run.Recipe?.Resolve())];
        var fields = RecipeFields.All
            .Select(field => (field.Name, Values: recipes.Select(recipe => recipe is null ? Nothing : field.Get(recipe)).ToArray()))
            .Where(field => field.Values.Distinct().Count() > 1).ToArray();
        report.Heading("Recipes");
        if (fields.Length == 0)
        {
            report.Paragraph("The recipes do not differ.");
            return;
        }

        report.Table(["field", .. names], fields.Select(field => (IReadOnlyList<string>)[field.Name, .. field.Values.Select(RunReport.Short)]))
            .Note("The fields in which they differ.");
    }

    /// <summary>The folders' names where they differ, else their paths.</summary>
    private static string[] Names(IReadOnlyList<RunContents> runs) =>
        runs.Select(run => run.Name).Distinct().Count() == runs.Count ? [.. runs.Select(run => run.Name)] : [.. runs.Select(run => run.Folder)];
}
