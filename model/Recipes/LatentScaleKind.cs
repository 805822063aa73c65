namespace LDaeCore.Model.Recipes;

/// <summary>What a latent is divided by before the noise is added (the paper does not say; see the guide).</summary>
public enum LatentScaleKind
{
    /// <summary>One number for all kept components, so that their variance is one on average.</summary>
    Global,

    /// <summary>A number for each component, so that each has variance one.</summary>
    Whiten,

    /// <summary>Nothing: latents in units of pixel values.</summary>
    None,
}
