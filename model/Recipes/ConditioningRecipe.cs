namespace LDaeCore.Model.Recipes;

/// <summary>What the network is told besides the image.</summary>
public sealed record ConditioningRecipe
{
    /// <summary>Whether it is told the label.</summary>
    public bool Class { get; init; }

    /// <summary>Classes that labels tell apart; 0 is as many as the training images have.</summary>
    public int Classes { get; init; }

    /// <summary>Share of the training images whose label is hidden, so that guidance without a classifier has something to compare with.</summary>
    public double LabelDropout { get; init; } = 0.1;

    /// <summary>Whether it is told the level of noise.</summary>
    public bool Time { get; init; } = true;
}
