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
    /// <exception cref="ArgumentOutOfRangeException">The patch is not inside the image, or the destination has another length.</exception>
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
    /// <param name="image">Bytes [H, W, 3]; incomplete patches at the right and the bottom are ignored.</param>
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

/// <summary>Images assembled from the patches of a network or a tokenizer.</summary>
public static class PatchImage
{
    /// <summary>The pixels of an image of a batch in [-1, 1].</summary>
    /// <param name="patches">Patches of a batch in the recipe's range, flattened as (row, column, channel).</param>
    /// <param name="image">Index of the image.</param>
    /// <param name="side">Side of an image.</param>
    /// <param name="patch">Side of a patch.</param>
    /// <param name="range">From bytes to values.</param>
    /// <returns>[side, side, 3].</returns>
    public static float[] Pixels(ReadOnlySpan<float> patches, int image, int side, int patch, PixelRange range)
    {
        var grid = side / patch;
        var pixels = new float[side * side * 3];
        var at = image * pixels.Length;
        for (var token = 0; token < grid * grid; token++)
        {
            for (var i = 0; i < patch * patch * 3; i++, at++)
            {
                int c = i % 3, x = (token % grid * patch) + (i / 3 % patch), y = (token / grid * patch) + (i / (3 * patch));
                var level = (patches[at] - range.Offset[c]) / range.Factor[c];
                pixels[(((y * side) + x) * 3) + c] = (float)((level / 127.5) - 1);
            }
        }

        return pixels;
    }

    /// <summary>Pixels in [-1, 1] as bytes.</summary>
    /// <param name="pixels">The pixels; values outside are clamped.</param>
    /// <returns>As many bytes.</returns>
    public static byte[] Bytes(float[] pixels) => [.. pixels.Select(p => (byte)Math.Clamp(MathF.Round((p + 1) * 127.5f), 0, 255))];
}
