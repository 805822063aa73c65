using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>Images ready for a device.</summary>
/// <param name="capacity">Most images.</param>
/// <param name="side">Side of an image.</param>
public sealed class ImageBatch(int capacity, int side)
{
    /// <summary>Side of an image.</summary>
    public int Side => side;

    /// <summary>[Count, side, side, 3].</summary>
    public byte[] Pixels { get; } = new byte[Bytes(capacity, side)];

    /// <summary>Class of each image.</summary>
    public int[] Labels { get; } = new int[capacity];

    /// <summary>Index of each image in its source.</summary>
    public int[] Indices { get; } = new int[capacity];

    /// <summary>Number of images.</summary>
    public int Count { get; internal set; }

    /// <summary>Optimizer step, or number of the batch, the images are for.</summary>
    public long Step { get; internal set; }

    /// <summary>The pixels of the images that are there.</summary>
    public ReadOnlySpan<byte> Filled => Pixels.AsSpan(0, Count * side * side * 3);

    private static int Bytes(int capacity, int side) => 3L * capacity * side * side is var bytes && bytes <= Array.MaxLength
        ? (int)bytes
        : throw new LdaeException(
            ErrorKind.Configuration,
            $"{capacity:N0} images of {side} x {side} pixels have {bytes:N0} bytes, more than the {Array.MaxLength:N0} of a batch that one process takes.",
            "Lower train.batch, or start more processes.");

    /// <summary>The place of an image.</summary>
    /// <param name="place">0..Count-1.</param>
    /// <returns>[side, side, 3].</returns>
    internal Span<byte> Image(int place) => Pixels.AsSpan(place * side * side * 3, side * side * 3);
}
