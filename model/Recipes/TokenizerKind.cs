namespace LDaeCore.Model.Recipes;

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
