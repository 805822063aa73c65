using LDaeCore.Model.Data;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Encoders;

/// <summary>What is known of a ViT file from elsewhere; each goes over what the file and the config.json beside it say.</summary>
public sealed record VitReadOptions
{
    /// <summary>Attention heads, which no file of weights tells.</summary>
    public int? Heads { get; init; }

    /// <summary>Side of an image, where the file has no positions that tell it.</summary>
    public int? ImageSize { get; init; }

    /// <summary>The nonlinearity.</summary>
    public ActivationKind? Activation { get; init; }

    /// <summary>What becomes the feature.</summary>
    public FeaturePooling? Pooling { get; init; }

    /// <summary>From bytes to values.</summary>
    public PixelRange? Range { get; init; }
}
