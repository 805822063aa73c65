using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Journey;

/// <summary>One step of the paper's way from DiT to l-DAE: a change of the recipe of an earlier step, and what the paper measured after it.</summary>
/// <param name="Number">The system it belongs to, 1 to 9; a system may have several steps.</param>
/// <param name="Name">Its name, also of its run folder.</param>
/// <param name="Title">What changes, in a few words.</param>
/// <param name="PaperTop1">The paper's linear probe on ImageNet after this step, percent.</param>
/// <param name="Fields">The fields of the resolved recipe that the change touches: these and no others.</param>
/// <param name="With">The change; what depends on the size of the images and patches comes from the preset.</param>
public sealed record JourneyStep(int Number, string Name, string Title, double PaperTop1, IReadOnlyList<string> Fields, Func<Recipe, JourneyPreset, Recipe> With)
{
    /// <summary>Name of the step whose recipe is changed, where that is not the one before in the list.</summary>
    public string? From { get; init; }

    /// <summary>Where the paper's number stands, or what sets it apart from ours; null where there is nothing to say.</summary>
    public string? Note { get; init; }
}
