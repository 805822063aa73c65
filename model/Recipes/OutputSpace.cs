namespace LDaeCore.Model.Recipes;

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
