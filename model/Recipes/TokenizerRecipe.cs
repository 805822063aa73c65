using LDaeCore.Model.Tokenizers;

namespace LDaeCore.Model.Recipes;

/// <summary>What turns patches into latents.</summary>
public sealed record TokenizerRecipe
{
    /// <summary>Kind of tokenizer.</summary>
    public TokenizerKind Kind { get; init; }

    /// <summary>Latents kept per patch, d; 0 takes 32 for 16 x 16 patches, 8 for 4 x 4, and else the multiple of 4 whose kept energy is nearest 96.5 %.</summary>
    public int Dim { get; init; }

    /// <summary>How the kept latents are scaled before noise is added.</summary>
    public LatentScaleKind Scale { get; init; }

    /// <summary>Side of a patch, in pixels.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Random training patches whose covariance is decomposed; all of them when there are fewer.</summary>
    public int SamplePatches { get; init; } = 200_000;

    /// <summary>Values of a patch, D: side times side times three colours.</summary>
    public int PatchValues => Patch * Patch * 3;
}
