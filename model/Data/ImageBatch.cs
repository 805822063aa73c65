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

    /// <summary>The pixels of the first <see cref="Count"/> images.</summary>
    public ReadOnlySpan<byte> Filled => Pixels.AsSpan(0, Count * side * side * 3);

    private static int Bytes(int capacity, int side) => 3L * capacity * side * side is var bytes && bytes <= Array.MaxLength
        ? (int)bytes
        : throw new LdaeException(
            ErrorKind.Configuration,
            $"{capacity:N0} images of {side} x {side} pixels have {bytes:N0} bytes, more than the {Array.MaxLength:N0} of a batch of one process.",
            "Lower train.batch, or start more processes.");

    /// <summary>The pixels of an image.</summary>
    /// <param name="place">0..Count-1.</param>
    /// <returns>[side, side, 3].</returns>
    internal Span<byte> Image(int place) => Pixels.AsSpan(place * side * side * 3, side * side * 3);
}

/// <summary>The batches of a run, one a step.</summary>
public interface IImageBatches
{
    /// <summary>The batch of the next step; waits for it.</summary>
    /// <returns>The batch; return it with <see cref="Return"/>.</returns>
    ImageBatch Next();

    /// <summary>Returns a batch, to be filled again.</summary>
    /// <param name="batch">A batch of <see cref="Next"/>.</param>
    void Return(ImageBatch batch);
}

/// <summary>The part of every global batch that one process decodes.</summary>
/// <param name="First">First position.</param>
/// <param name="Count">Number of positions.</param>
/// <param name="Batch">Images of the global batch.</param>
public readonly record struct BatchPart(int First, int Count, int Batch)
{
    /// <summary>The whole batch.</summary>
    /// <param name="batch">Images of the global batch.</param>
    /// <returns>All positions.</returns>
    public static BatchPart All(int batch) => new(0, batch, batch);

    /// <summary>The part of one of several processes: rank r of N has positions r B / N to (r + 1) B / N.</summary>
    /// <param name="batch">Images of the global batch; a multiple of <paramref name="size"/>.</param>
    /// <param name="rank">The process.</param>
    /// <param name="size">Number of processes.</param>
    /// <returns>Its positions.</returns>
    public static BatchPart Of(int batch, int rank, int size) => new(rank * (batch / size), batch / size, batch);
}
