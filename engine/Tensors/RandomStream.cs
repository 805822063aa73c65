namespace LDaeCore.Engine.Tensors;

/// <summary>What random numbers are for: word 3 of the Philox counter, so that no two uses share a number.</summary>
public enum RandomStream : uint
{
    /// <summary>Parameter initialisation; the step word is the parameter's index.</summary>
    Initialization = 0,

    /// <summary>Latent (or pixel) noise; the element index counts the batch's latents.</summary>
    Noise = 1,

    /// <summary>The time step t of each sample.</summary>
    Time = 2,

    /// <summary>Crop rectangle of each sample.</summary>
    Crop = 3,

    /// <summary>Horizontal flip of each sample.</summary>
    Flip = 4,

    /// <summary>Order of the samples; the step word is the epoch.</summary>
    Shuffle = 5,

    /// <summary>Which patches the PCA sees.</summary>
    Patches = 6,

    /// <summary>Procedural images; the step word is the image's index.</summary>
    Synthetic = 7,

    /// <summary>Which training images are held out for choices.</summary>
    HoldOut = 8,

    /// <summary>Label dropout for classifier-free guidance.</summary>
    LabelDropout = 9,

    /// <summary>Sampling from a generative model.</summary>
    Sampling = 10,

    /// <summary>Op cases of the tests and the bench; the step word is the input's index.</summary>
    Case = 11,

    /// <summary>Which images a picture shows.</summary>
    Pictures = 12,
}
