using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// A training batch from a data set that lives on the device: random-resized-crop or centre, antialiased bicubic resizing, perhaps a
/// flip. What is drawn depends on seed, step and place in the global batch, as everywhere.
/// </summary>
/// <param name="Images">U8 [N, H, W, 3].</param>
/// <param name="Chosen">I32 [B]: which image each place of the batch gets, each in 0..N-1.</param>
/// <param name="Size">Side of the square results, in pixels.</param>
internal readonly record struct CropArgs(Tensor Images, Tensor Chosen, int Size)
{
    /// <summary>Random-resized-crop instead of the centre.</summary>
    public bool Random { get; init; }

    /// <summary>Smallest share of an image's area that a random crop takes.</summary>
    public double MinScale { get; init; }

    /// <summary>Whether half of the images are mirrored.</summary>
    public bool Flip { get; init; }

    /// <summary>Key of the random numbers.</summary>
    public ulong Seed { get; init; }

    /// <summary>Optimizer step.</summary>
    public uint Step { get; init; }

    /// <summary>Place of the first image in the global batch.</summary>
    public long FirstPlace { get; init; }

    /// <summary>Result as bytes, U8 [B, Size, Size, 3], or null.</summary>
    public Tensor? Bytes { get; init; }

    /// <summary>Result as values of the activation type [B, Size, Size, 3], or null.</summary>
    public Tensor? Values { get; init; }

    /// <summary>Factor and offset of each channel [2, 3], for <see cref="Values"/>.</summary>
    public Tensor? Range { get; init; }
}
