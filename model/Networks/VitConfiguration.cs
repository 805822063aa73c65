using LDaeCore.Model.Data;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Networks;

/// <summary>Everything that decides the parameters of a plain ViT, and how its features are read.</summary>
public sealed record VitConfiguration
{
    /// <summary>Side of an image in pixels; a multiple of <see cref="Patch"/>.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Side of a patch in pixels.</summary>
    public required int Patch { get; init; }

    /// <summary>Columns of a token, C.</summary>
    public required int Width { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int Depth { get; init; }

    /// <summary>Attention heads; divides the width.</summary>
    public required int Heads { get; init; }

    /// <summary>Hidden width of the MLPs over the width.</summary>
    public int MlpRatio { get; init; } = 4;

    /// <summary>Whether there is a class token.</summary>
    public bool ClassToken { get; init; }

    /// <summary>The nonlinearity of the MLPs.</summary>
    public ActivationKind Activation { get; init; }

    /// <summary>Where the last normalisation stands.</summary>
    public VitNorm Norm { get; init; }

    /// <summary>What becomes the feature.</summary>
    public FeaturePooling Pooling { get; init; }

    /// <summary>From bytes to the values the network sees.</summary>
    public PixelRange Range { get; init; } = PixelRange.ImageNet;

    /// <summary>Patches along one side.</summary>
    public int Grid => ImageSize / Patch;

    /// <summary>Tokens of one image.</summary>
    public int Tokens => (Grid * Grid) + (ClassToken ? 1 : 0);

    /// <summary>Values of a patch.</summary>
    public int PatchValues => Patch * Patch * PatchPixels.Channels;

    /// <summary>Prefix of the last normalisation's parameters, or null without one.</summary>
    public string? NormName => Norm switch { VitNorm.Tokens => "norm", VitNorm.Pooled => "fc_norm", _ => null };

    /// <summary>The parameters under timm's names and in its shapes.</summary>
    public IEnumerable<(string Name, long[] Shape)> Parameters
    {
        get
        {
            if (ClassToken)
            {
                yield return ("cls_token", [1, 1, Width]);
            }

            yield return ("pos_embed", [1, Tokens, Width]);
            yield return ("patch_embed.proj.weight", [Width, PatchPixels.Channels, Patch, Patch]);
            yield return ("patch_embed.proj.bias", [Width]);
            for (var i = 0; i < Depth; i++)
            {
                foreach (var (name, shape) in Block)
                {
                    yield return ($"blocks.{i}.{name}", shape);
                }
            }

            if (NormName is { } norm)
            {
                yield return ($"{norm}.weight", [Width]);
                yield return ($"{norm}.bias", [Width]);
            }
        }
    }

    private IEnumerable<(string Name, long[] Shape)> Block
    {
        get
        {
            long hidden = MlpRatio * Width;
            return
            [
                ("norm1.weight", [Width]), ("norm1.bias", [Width]), ("attn.qkv.weight", [3L * Width, Width]), ("attn.qkv.bias", [3L * Width]),
                ("attn.proj.weight", [Width, Width]), ("attn.proj.bias", [Width]), ("norm2.weight", [Width]), ("norm2.bias", [Width]),
                ("mlp.fc1.weight", [hidden, Width]), ("mlp.fc1.bias", [hidden]), ("mlp.fc2.weight", [Width, hidden]), ("mlp.fc2.bias", [Width]),
            ];
        }
    }

    /// <summary>The sizes of the network's blocks.</summary>
    /// <returns>A shape without time conditioning.</returns>
    public NetworkShape ToShape() => new()
    {
        Width = Width,
        Depth = Depth,
        EncoderDepth = Depth,
        Heads = Heads,
        MlpRatio = MlpRatio,
        Grid = Grid,
        InputSize = PatchValues,
        OutputSize = PatchValues,
        ClassToken = ClassToken,
        Activation = Activation,
    };
}

/// <summary>Where a ViT's last normalisation stands.</summary>
public enum VitNorm
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>Each token is normalised, then they are pooled (timm's <c>norm</c>).</summary>
    Tokens,

    /// <summary>The pooled feature is normalised (timm's <c>fc_norm</c>).</summary>
    Pooled,
}

/// <summary>What of an encoder's tokens becomes an image's feature.</summary>
public enum FeaturePooling
{
    /// <summary>The mean of the patches' tokens.</summary>
    Mean,

    /// <summary>The class token.</summary>
    Cls,
}
