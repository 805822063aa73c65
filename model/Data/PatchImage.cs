namespace LDaeCore.Model.Data;

/// <summary>Images put together from the patches that a network or a tokenizer gives.</summary>
public static class PatchImage
{
    /// <summary>The pixels of an image of a batch in [-1, 1].</summary>
    /// <param name="patches">Patches of a batch in the recipe's range, flattened as (row, column, channel).</param>
    /// <param name="image">Which image.</param>
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
    /// <param name="pixels">The pixels; others are brought to the nearest end.</param>
    /// <returns>As many bytes.</returns>
    public static byte[] Bytes(float[] pixels) => [.. pixels.Select(p => (byte)Math.Clamp(MathF.Round((p + 1) * 127.5f), 0, 255))];
}
