namespace LDaeCore.Model.Recipes;

/// <summary>What a probe reads, unless its command says otherwise.</summary>
public sealed record ProbeRecipe
{
    /// <summary>Block whose tokens are averaged, counted from 1; 0 is the last of the encoder.</summary>
    public int Block { get; init; }

    /// <summary>Level of noise the network is told (and, with noised input, gets).</summary>
    public int Time { get; init; } = 10;

    /// <summary>What the encoder sees.</summary>
    public ProbeInput Input { get; init; }

    /// <summary>Which weights are read.</summary>
    public ProbeWeights Weights { get; init; }
}
