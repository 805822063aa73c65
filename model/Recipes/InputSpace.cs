namespace LDaeCore.Model.Recipes;

/// <summary>What the network sees.</summary>
public enum InputSpace
{
    /// <summary>The noisy latents brought back to pixels.</summary>
    Pixels,

    /// <summary>The noisy latents themselves.</summary>
    Latent,
}
