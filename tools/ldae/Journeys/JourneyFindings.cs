using LDaeCore.Engine.Errors;
using LDaeCore.Model.Journey;
using LDaeCore.Runner.Commands;

namespace LDaeCore.Runner.Journeys;

/// <summary>All that the folder of a journey holds, whichever slices it was made in: steps, sweeps, claims.</summary>
/// <param name="Steps">The steps that were measured or asked for, in order.</param>
/// <param name="Sweeps">The sweeps that were asked for, or of which two points or more were measured.</param>
/// <param name="Claims">What becomes of the paper's shape.</param>
/// <param name="Agreement">Whether ours and the paper's accuracies order all steps and points alike; null for fewer than three of them.</param>
internal sealed record JourneyFindings(
    IReadOnlyList<StepFinding> Steps,
    IReadOnlyList<(JourneySweep Sweep, IReadOnlyList<SeedAccuracies?> Top1)> Sweeps,
    IReadOnlyList<ShapeClaim> Claims,
    RankAgreement? Agreement)
{
    /// <summary>By how much every step's loss must have fallen to have learnt anything, percent.</summary>
    public const double LeastFall = 10;

    /// <summary>Whether the loss of every measured step fell; null when none was measured.</summary>
    public bool? AllFell => Steps.Where(step => step.Top1 is not null).ToArray() is { Length: > 0 } measured ? measured.All(step => step.LossFell >= LeastFall) : null;

    /// <summary>Reads the folder.</summary>
    /// <param name="options">The journey.</param>
    /// <param name="stopped">Why entries have no accuracy, by the name of their run.</param>
    public static JourneyFindings Read(JourneyOptions options, IReadOnlyDictionary<string, LdaeException> stopped)
    {
        var (preset, folder) = (options.Preset, options.Out);
        var steps = JourneySteps.All.Select(step => Find(step)).Where(found => found.Top1 is not null || found.Stopped is not null || options.Steps.Contains(found.Step));
        var sweeps = JourneySweeps.Names.Select(name => JourneySweeps.Get(name, preset))
            .Select(sweep => (Sweep: sweep, Top1: (IReadOnlyList<SeedAccuracies?>)[.. sweep.Points.Select(point => folder.Found(point.Entry))]))
            .Where(found => found.Top1.Count(top1 => top1 is not null) > 1 || options.Sweeps.Any(asked => asked.Name == found.Sweep.Name));
        var systems = JourneySteps.All.Select(step => (Entry: JourneyEntry.Of(step, preset), Paper: (double?)step.PaperTop1))
            .Concat(JourneySweeps.Names.SelectMany(name => JourneySweeps.Get(name, preset).Points).Select(point => (point.Entry, Paper: point.PaperTop1)))
            .DistinctBy(system => (system.Entry.Run, system.Entry.Probe))
            .Select(system => (Ours: folder.Found(system.Entry), system.Paper))
            .Where(system => system is { Ours: not null, Paper: not null }).Select(system => (system.Ours!, system.Paper!.Value));
        return new JourneyFindings([.. steps], [.. sweeps], ShapeClaims.Judge(preset, folder.Found), RankAgreement.Of([.. systems]));

        StepFinding Find(JourneyStep step)
        {
            var entry = JourneyEntry.Of(step, preset);
            var (top1, before) = (folder.Found(entry), JourneySteps.Before(step));
            var previous = before is null ? null : folder.Found(JourneyEntry.Of(before, preset));
            return new StepFinding(
                step,
                top1,
                top1?.Mean - previous?.Mean,
                before is null ? null : step.PaperTop1 - before.PaperTop1,
                folder.LossFell(entry),
                top1 is null && stopped.TryGetValue(entry.Run, out var why) ? why.Message : null);
        }
    }

    /// <summary>Adds them to a result object.</summary>
    public CommandResult Add(CommandResult result) => result
        .Add("steps", Steps.Select(Describe))
        .Add("sweeps", Sweeps.Select(found => new CommandResult()
            .Add("name", found.Sweep.Name)
            .Add("points", found.Sweep.Points.Zip(found.Top1, (point, top1) => Accuracy(
                new CommandResult().Add("series", point.Series).Add("label", point.Label), top1, point.PaperTop1).Add("run", point.Entry.Run)))))
        .Add("claims", Claims.Select(claim => new CommandResult()
            .Add("name", claim.Name)
            .Add("holds", writer =>
            {
                if (claim.Holds is { } holds)
                {
                    writer.WriteBooleanValue(holds);
                }
                else
                {
                    writer.WriteNullValue();
                }
            })
            .Add("verdict", claim.Verdict)
            .Add("why", claim.Why)))
        .Add("rank_correlation", Rounded(Agreement?.Correlation))
        .Add("rank_correlation_low", Rounded(Agreement?.Interval?.Low))
        .Add("rank_correlation_high", Rounded(Agreement?.Interval?.High))
        .Add("ranked_systems", Agreement?.Systems ?? 0)
        .Add("all_losses_fell", AllFell == true);

    private static CommandResult Describe(StepFinding found) => Accuracy(
            new CommandResult().Add("name", found.Step.Name).Add("number", found.Step.Number).Add("title", found.Step.Title), found.Top1, found.Step.PaperTop1)
        .Add("change", Rounded(found.Change))
        .Add("paper_change", Rounded(found.PaperChange))
        .Add("loss_fell", Rounded(found.LossFell))
        .Add("stopped", found.Stopped);

    private static CommandResult Accuracy(CommandResult result, SeedAccuracies? top1, double? paper) => result
        .Add("top1", Rounded(top1?.Mean))
        .Add("paper_top1", Rounded(paper))
        .Add("spread", Rounded(top1?.Spread))
        .Add("seeds", top1?.Values.Count ?? 0);

    private static double Rounded(double? number) => Math.Round(number ?? double.NaN, 2);
}

/// <summary>What is known of a step of a journey.</summary>
/// <param name="Step">The step.</param>
/// <param name="Top1">Its accuracies, or null.</param>
/// <param name="Change">The difference to the step before, points; null where one of the two was not measured.</param>
/// <param name="PaperChange">The paper's difference; null for the first step.</param>
/// <param name="LossFell">By how much its loss fell at least, percent; null where nothing was trained.</param>
/// <param name="Stopped">Why it has no accuracy; null where it has one, or was not asked for.</param>
internal sealed record StepFinding(JourneyStep Step, SeedAccuracies? Top1, double? Change, double? PaperChange, double? LossFell, string? Stopped);
