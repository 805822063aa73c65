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

/// <summary>What the network sees.</summary>
public enum InputSpace
{
    /// <summary>The noisy latents brought back to pixels.</summary>
    Pixels,

    /// <summary>The noisy latents themselves.</summary>
    Latent,
}

/// <summary>Where the prediction is held against its target.</summary>
public enum OutputSpace
{
    /// <summary>The original pixels, in the coordinates of all components.</summary>
    Original,

    /// <summary>The pixels that the kept components can give.</summary>
    Pca,

    /// <summary>The kept latents, or the noise that was added to them.</summary>
    Latent,
}

/// <summary>What the network predicts.</summary>
public enum PredictionTarget
{
    /// <summary>The clean input.</summary>
    Clean,

    /// <summary>The noise that was added.</summary>
    Noise,
}

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
