namespace LDaeCore.Model.Recipes;

/// <summary>What is trained.</summary>
public sealed record MethodRecipe
{
    /// <summary>The way of training.</summary>
    public MethodKind Kind { get; init; }
}

/// <summary>Ways of training.</summary>
public enum MethodKind
{
    /// <summary>Noise is added to latents, and a transformer predicts the clean image: every system from DiT to l-DAE.</summary>
    LatentDenoising,

    /// <summary>A tokenizer with weights of its own learns to encode and decode images: <c>ldae tokenizer train</c>.</summary>
    Autoencoder,

    /// <summary>A plain ViT learns the classes of images by cross-entropy.</summary>
    Supervised,
}
