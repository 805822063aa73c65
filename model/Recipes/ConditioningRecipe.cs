namespace LDaeCore.Model.Recipes;

/// <summary>What the network is told besides the image.</summary>
public sealed record ConditioningRecipe
{
    /// <summary>Whether it is told the label.</summary>
    public bool Class { get; init; }

    /// <summary>Whether it is told the level of noise.</summary>
    public bool Time { get; init; } = true;
}
