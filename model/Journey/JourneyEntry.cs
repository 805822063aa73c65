using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Journey;

/// <summary>
/// One accuracy to be measured: a run, which others may share, and how it is probed. Equal recipes have equal names, so that a step, or a point of two
/// sweeps, is trained once.
/// </summary>
/// <param name="Run">Name of the run: of the step that trains the same recipe, else of the step it is made of and of what differs from it.</param>
/// <param name="Probe">Name of the probe's result inside the run.</param>
/// <param name="Recipe">What is trained and how it is probed, resolved.</param>
public sealed record JourneyEntry(string Run, string Probe, Recipe Recipe)
{
    private const string ProbeGroup = "probe";

    /// <summary>The entry of a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="preset">The size.</param>
    /// <returns>The entry.</returns>
    public static JourneyEntry Of(JourneyStep step, JourneyPreset preset) => Of(step, preset, r => r);

    /// <summary>The entry of a step with a change.</summary>
    /// <param name="step">The step.</param>
    /// <param name="preset">The size.</param>
    /// <param name="with">The change.</param>
    /// <returns>The entry.</returns>
    public static JourneyEntry Of(JourneyStep step, JourneyPreset preset, Func<Recipe, Recipe> with)
    {
        var origin = JourneySteps.RecipeOf(step, preset);
        var recipe = with(origin).Resolve();
        var same = JourneySteps.All.FirstOrDefault(other => !Differing(JourneySteps.RecipeOf(other, preset), recipe).Any(IsTrained));
        var run = same?.Name ?? string.Join('+', Differing(origin, recipe).Where(IsTrained).Select(field => $"{field.Name}={field.Get(recipe)}").Prepend(step.Name));
        var probe = Differing(JourneySteps.RecipeOf(same ?? step, preset), recipe).Where(field => !IsTrained(field)).Select(field => $"{field.Key}={field.Get(recipe)}");
        return new JourneyEntry(run, string.Join('+', probe.Prepend(ProbeGroup)), recipe);
    }

    /// <summary>The fields in which two recipes differ.</summary>
    /// <param name="a">One.</param>
    /// <param name="b">The other.</param>
    /// <returns>The fields in the table's order.</returns>
    public static IEnumerable<RecipeField> Differing(Recipe a, Recipe b) => RecipeFields.All.Where(field => field.Get(a) != field.Get(b));

    private static bool IsTrained(RecipeField field) => field.Group != ProbeGroup;
}
