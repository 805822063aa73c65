namespace LDaeCore.Model.Recipes;

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
