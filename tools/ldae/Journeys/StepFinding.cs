using LDaeCore.Model.Journey;

namespace LDaeCore.Runner.Journeys;

/// <summary>What is known of a step of a journey.</summary>
/// <param name="Step">The step.</param>
/// <param name="Top1">Its accuracies, or null.</param>
/// <param name="Change">The difference to the step before, points; null where one of the two was not measured.</param>
/// <param name="PaperChange">The paper's difference; null for the first step.</param>
/// <param name="LossFell">By how much its loss fell at least, percent; null where nothing was trained.</param>
/// <param name="Stopped">Why it has no accuracy; null where it has one, or was not asked for.</param>
internal sealed record StepFinding(JourneyStep Step, SeedAccuracies? Top1, double? Change, double? PaperChange, double? LossFell, string? Stopped);
