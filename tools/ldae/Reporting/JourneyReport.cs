using System.Globalization;
using System.Text;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Journey;
using LDaeCore.Runner.Commands;
using LDaeCore.Runner.Journeys;

namespace LDaeCore.Runner.Reporting;

/// <summary>A journey as one table and one plot, then the claims and the sweeps, in Markdown and as a page.</summary>
internal sealed class JourneyReport
{
    private const string Title = "From DiT to l-DAE", Nothing = "-";

    private static readonly string[] StepHeadings =
        ["step", "what changes", "linear probe, %", "spread", "seeds", "change", "paper, %", "paper's change", "loss fell by, %"];

    private readonly StringBuilder _markdown = new();
    private readonly HtmlReport _page = new(Title);
    private readonly string _plot;

    private JourneyReport(JourneyOptions options, JourneyFindings found)
    {
        _markdown.AppendLine($"# {Title}").AppendLine();
        Paragraph(Protocol(options));
        Table(StepHeadings, found.Steps.Select(Row));
        foreach (var line in found.Steps.Where(step => step.Stopped is not null).Select(step => $"{step.Step.Name}: not there. {step.Stopped}")
            .Concat(found.Steps.Where(step => step.Step.Note is not null).Select(step => $"{step.Step.Name}, the paper's number: {step.Step.Note}.")))
        {
            Paragraph(line);
        }

        var shown = found.Steps.Where(step => step.Top1 is not null).ToArray();
        _plot = LabelledPlot.Svg(
            Title,
            [.. shown.Select(step => step.Step.Name)],
            [("", [.. shown.Select(step => Point(step.Top1))], [.. shown.Select(step => (double?)step.Step.PaperTop1)])]);
        _page.Plot(_plot);
        Heading("The shape of the paper's results");
        Table(["claim", "verdict", "because"], found.Claims.Select(claim => (IReadOnlyList<string>)[claim.Name, claim.Verdict, claim.Why]));
        Paragraph(Agreement(found.Agreement));
        foreach (var (sweep, top1) in found.Sweeps)
        {
            AddSweep(sweep, top1);
        }
    }

    /// <summary>Writes table, plot and page.</summary>
    /// <param name="options">The journey.</param>
    /// <param name="found">Its results.</param>
    public static void Write(JourneyOptions options, JourneyFindings found)
    {
        var report = new JourneyReport(options, found);
        AtomicFile.WriteText(options.Out.TablePath, report._markdown.ToString());
        AtomicFile.WriteText(options.Out.PlotPath, report._plot);
        report._page.Save(options.Out.ReportPath);
    }

    /// <summary>The table of steps for a terminal.</summary>
    /// <param name="found">Its results.</param>
    public static IEnumerable<string> Lines(JourneyFindings found)
    {
        string[][] rows = [["step", "ours, %", "spread", "change", "paper, %", "change"], .. found.Steps.Select(step => (string[])
        [
            step.Step.Name, Number(step.Top1?.Mean), Spread(step.Top1), Signed(step.Change), Number(step.Step.PaperTop1, "F1"), Signed(step.PaperChange, "F1"),
        ])];
        var widths = rows[0].Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            yield return string.Concat(row.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : "  " + cell.PadLeft(widths[i])));
        }

        foreach (var claim in found.Claims)
        {
            yield return $"{claim.Verdict,-12} {claim.Name}: {claim.Why}";
        }

        yield return Agreement(found.Agreement);
    }

    private static string Protocol(JourneyOptions options)
    {
        var train = options.Preset.Recipe.Resolve().Train;
        var length = train.Steps is { } steps ? Wording.Count(steps, "step") : $"{RunReport.Number(train.Epochs ?? double.NaN, "G4")} {(train.Epochs == 1 ? "epoch" : "epochs")}";
        return $"Preset {options.Settings.Preset} on {options.Settings.Data}: every step trains for {length} at batch {train.Batch}, from the same first seed "
            + $"{options.Settings.Seed}"
            + $"{(options.Settings.Set.Count > 0 ? $", with {string.Join(", ", options.Settings.Set)}" : "")}. "
            + "Linear probe of the encoder's mean tokens on test images; spread is the best seed minus the worst, and unknown of a single one. The paper's numbers are "
            + "ImageNet's, after 400 epochs.";
    }

    private static IReadOnlyList<string> Row(StepFinding found) =>
    [
        $"{found.Step.Number} {found.Step.Name}",
        found.Step.Title,
        Number(found.Top1?.Mean),
        Spread(found.Top1),
        (found.Top1?.Values.Count ?? 0).ToString(CultureInfo.InvariantCulture),
        found.Change is not null && found.Step.From is not null && JourneySteps.Before(found.Step) is { } before
            ? $"{Signed(found.Change)} from {before.Name}"
            : Signed(found.Change),
        Number(found.Step.PaperTop1, "F1"),
        Signed(found.PaperChange, "F1"),
        Number(found.LossFell, "F1"),
    ];

    private void AddSweep(JourneySweep sweep, IReadOnlyList<SeedAccuracies?> top1)
    {
        Heading($"Sweep {sweep.Name}: {sweep.Title}");
        Paragraph(
            $"The paper's numbers are in its "
                + $"{sweep.Source}{(sweep.Name is "d" or "tokenizer-d" ? "; its d of 768 values is set beside the d of ours that keeps about as much of the energy" : "")}.");
        string[] labels = [.. sweep.Points.Select(point => point.Label).Distinct()], series = [.. sweep.Points.Select(point => point.Series).Distinct()];
        (SweepPoint Point, SeedAccuracies? Top1)? At(string line, string label) =>
            sweep.Points.Zip(top1).Where(cell => cell.First.Series == line && cell.First.Label == label).Select(cell => ((SweepPoint, SeedAccuracies?)?)cell).FirstOrDefault();
        Table(
            ["", .. series.SelectMany(line => (string[])[$"{line} ours, %".Trim(), "spread", $"{line} paper, %".Trim()])],
            labels.Select(label => (IReadOnlyList<string>)
            [
                label,
                .. series.Select(line => At(line, label)).SelectMany(cell => (string[])[Number(cell?.Top1?.Mean), Spread(cell?.Top1), Number(cell?.Point.PaperTop1, "F1")]),
            ]));
        _page.Plot(LabelledPlot.Svg(sweep.Title, labels, [.. series.Select(line => (
            line,
            (IReadOnlyList<(double, double)?>)[.. labels.Select(label => Point(At(line, label)?.Top1))],
            (IReadOnlyList<double?>)[.. labels.Select(label => At(line, label)?.Point.PaperTop1)]))]));
    }

    private void Heading(string text)
    {
        _markdown.AppendLine($"## {text}").AppendLine();
        _page.Heading(text);
    }

    private void Paragraph(string text)
    {
        _markdown.AppendLine(text).AppendLine();
        _page.Paragraph(text);
    }

    private void Table(IReadOnlyList<string> headings, IEnumerable<IReadOnlyList<string>> rows)
    {
        var all = rows.ToArray();
        _markdown.AppendLine($"| {string.Join(" | ", headings)} |").AppendLine($"|{string.Concat(headings.Select(_ => "---|"))}");
        foreach (var row in all)
        {
            _markdown.AppendLine($"| {string.Join(" | ", row)} |");
        }

        _markdown.AppendLine();
        _page.Table(headings, all);
    }

    private static string Spread(SeedAccuracies? top1) => Number(top1 is { HasSpread: true } ? top1.Spread : null);

    private static (double, double)? Point(SeedAccuracies? top1) => top1 is null ? null : (top1.Mean, top1.Spread);

    private static string Agreement(RankAgreement? agreement) => agreement is null
        ? "Rank correlation with the paper: not measured, as it takes three steps or points."
        : $"Rank correlation (Spearman) of {agreement.Systems} steps and points with the paper's: {Number(agreement.Correlation)}"
            + (agreement.Interval is { } interval ? $", 95 % between {Number(interval.Low)} and {Number(interval.High)} over seeds." : "; one seed gives no interval.");

    private static string Number(double? number, string format = "F2") => number is { } value ? RunReport.Number(value, format) : Nothing;

    private static string Signed(double? number, string format = "F2") => number is { } value ? (value < 0 ? "" : "+") + RunReport.Number(value, format) : Nothing;
}
