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

/// <summary>What a probe shows the encoder.</summary>
public enum ProbeInput
{
    /// <summary>The image as it is.</summary>
    Original,

    /// <summary>The image with only its kept components.</summary>
    Pca,

    /// <summary>The kept components with noise at the probed level.</summary>
    Noised,
}

/// <summary>Which weights a probe reads.</summary>
public enum ProbeWeights
{
    /// <summary>The optimizer's.</summary>
    Raw,

    /// <summary>Their moving average.</summary>
    Ema,
}
