namespace LDaeCore.Model.Recipes;

/// <summary>What the network predicts from what.</summary>
public sealed record ObjectiveRecipe
{
    /// <summary>What the network predicts.</summary>
    public PredictionTarget Target { get; init; }

    /// <summary>What the network sees.</summary>
    public InputSpace Input { get; init; }

    /// <summary>Where the prediction is held against its target.</summary>
    public OutputSpace Output { get; init; }

    /// <summary>Weight of the squared error along the kept components.</summary>
    public double KeptWeight { get; init; } = 1;

    /// <summary>Weight of the squared error along all other components.</summary>
    public double ResidualWeight { get; init; } = 0.1;
}
