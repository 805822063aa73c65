namespace LDaeCore.Model.Recipes;

/// <summary>What turns patches into latents.</summary>
public sealed record TokenizerRecipe
{
    /// <summary>Latent pixels of a convolutional tokenizer along each side of a token: two by two make one.</summary>
    public const int LatentPatch = 2;

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

    /// <summary>Passes over the training images that train a tokenizer with weights of its own, before the network.</summary>
    public double TrainEpochs { get; init; } = 5;

    /// <summary>Images of one optimizer step of that training.</summary>
    public int TrainBatch { get; init; } = 16;

    /// <summary>Highest learning rate of that training.</summary>
    public double TrainLr { get; init; } = 2e-3;

    /// <summary>Decay per step of the average of the weights in that training, which the tokenizer then has instead of the last ones; 0 is off.</summary>
    public double TrainEma { get; init; }

    /// <summary>Weight of the KL divergence of a variational tokenizer's latents, beside a squared error of one.</summary>
    public double KlWeight { get; init; } = 0.01;

    /// <summary>Channels of a convolutional tokenizer at the images' own resolution; twice as many after the first halving, four times after the second.</summary>
    public int Channels { get; init; } = 32;

    /// <summary>Residual blocks of a convolutional tokenizer at each resolution, in the encoder and again in the decoder.</summary>
    public int Blocks { get; init; } = 2;

    /// <summary>Whether the tokenizer has weights of its own, trained by gradients before the network.</summary>
    public bool IsTrained => Kind is TokenizerKind.PatchAe or TokenizerKind.PatchVae or TokenizerKind.ConvVae or TokenizerKind.VqGan;

    /// <summary>Whether its latents are coordinates of patches along orthonormal axes: then noise in them, and the loss, are shown in pixels.</summary>
    public bool IsOrthonormal => Kind is TokenizerKind.Pca or TokenizerKind.Identity;

    /// <summary>Values of a patch, D: side times side times three colours.</summary>
    public int PatchValues => Patch * Patch * 3;
}

/// <summary>What turns a patch into latents.</summary>
public enum TokenizerKind
{
    /// <summary>Principal components of the patches.</summary>
    Pca,

    /// <summary>A linear autoencoder of patches.</summary>
    PatchAe,

    /// <summary>A linear variational autoencoder of patches.</summary>
    PatchVae,

    /// <summary>A convolutional variational autoencoder of whole images.</summary>
    ConvVae,

    /// <summary>A vector-quantised autoencoder with perceptual and adversarial losses; not there yet.</summary>
    VqGan,

    /// <summary>None: the values of a patch are its latents, as in a classical denoising autoencoder.</summary>
    Identity,
}

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
