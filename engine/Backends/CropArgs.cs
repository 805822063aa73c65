using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>A training batch from a data set that lives on the device: parts of images, antialiased bicubic resizing, perhaps a flip.</summary>
/// <param name="Images">U8 [N, H, W, 3].</param>
/// <param name="Boxes">I32 [B, 10]: a <see cref="CropBox"/> for each place of the batch.</param>
/// <param name="Size">Side of the square results, in pixels.</param>
public readonly record struct CropArgs(Tensor Images, Tensor Boxes, int Size)
{
    /// <summary>Result as bytes, U8 [B, Size, Size, 3], or null.</summary>
    public Tensor? Bytes { get; init; }

    /// <summary>Result as values of the activation type [B, Size, Size, 3], or null.</summary>
    public Tensor? Values { get; init; }

    /// <summary>Factor and offset of each channel [2, 3], for <see cref="Values"/>.</summary>
    public Tensor? Range { get; init; }
}
