namespace LDaeCore.Model.Data;

/// <summary>Patches of images in host memory, flattened in the order (row, column, channel), as the patchify op does on a device.</summary>
public static class PatchPixels
{
    /// <summary>Channels of an image.</summary>
    public const int Channels = 3;

    /// <summary>Copies one patch.</summary>
    /// <param name="image">Bytes [H, W, 3].</param>
    /// <param name="width">W, in pixels.</param>
    /// <param name="top">Row of the patch's first pixel.</param>
    /// <param name="left">Column of the patch's first pixel.</param>
    /// <param name="patchSize">Side of the patch, in pixels.</param>
    /// <param name="range">From bytes to values.</param>
    /// <param name="values">[patchSize * patchSize * 3].</param>
    /// <exception cref="ArgumentOutOfRangeException">The patch is not inside the image, or the destination not as long as a patch.</exception>
    public static void Extract(ReadOnlySpan<byte> image, int width, int top, int left, int patchSize, PixelRange range, Span<float> values)
    {
        var rowLength = patchSize * Channels;
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, patchSize * rowLength, nameof(values));
        ArgumentOutOfRangeException.ThrowIfNegative(top);
        ArgumentOutOfRangeException.ThrowIfNegative(left);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(left + patchSize, width);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((top + patchSize) * width * Channels, image.Length, nameof(top));
        for (var row = 0; row < patchSize; row++)
        {
            var from = image.Slice((((top + row) * width) + left) * Channels, rowLength);
            var to = values.Slice(row * rowLength, rowLength);
            for (var i = 0; i < rowLength; i++)
            {
                to[i] = (float)((from[i] * range.Factor[i % Channels]) + range.Offset[i % Channels]);
            }
        }
    }

    /// <summary>Copies all patches of an image, row by row of patches.</summary>
    /// <param name="image">Bytes [H, W, 3]; what is left over at the right and the bottom is not looked at.</param>
    /// <param name="width">W, in pixels.</param>
    /// <param name="patchSize">Side of a patch, in pixels.</param>
    /// <param name="range">From bytes to values.</param>
    /// <returns>[patches, patchSize * patchSize * 3].</returns>
    public static float[] ExtractAll(ReadOnlySpan<byte> image, int width, int patchSize, PixelRange range)
    {
        var size = patchSize * patchSize * Channels;
        var (columns, rows) = (width / patchSize, image.Length / (width * Channels) / patchSize);
        var values = new float[rows * columns * size];
        for (var i = 0; i < rows * columns; i++)
        {
            Extract(image, width, i / columns * patchSize, i % columns * patchSize, patchSize, range, values.AsSpan(i * size, size));
        }

        return values;
    }
}
