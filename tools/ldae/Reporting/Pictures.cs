using LDaeCore.Model.Methods.Autoencoders;
using SkiaSharp;

namespace LDaeCore.Runner.Reporting;

/// <summary>PNG pictures made of small square images.</summary>
internal static class Pictures
{
    private const int Gap = 2, WantedSide = 64;
    private static readonly SKColor Background = new(0x80, 0x80, 0x80);

    /// <summary>Images in rows and columns, each enlarged by a whole factor so that its pixels stay squares.</summary>
    /// <param name="rows">Images [side, side, 3], rows of equal length.</param>
    /// <param name="side">Side of an image.</param>
    /// <returns>A PNG.</returns>
    public static byte[] Grid(IReadOnlyList<IReadOnlyList<byte[]>> rows, int side)
    {
        var scale = Math.Max(1, WantedSide / side);
        var cell = (side * scale) + Gap;
        using var bitmap = new SKBitmap(new SKImageInfo((rows[0].Count * cell) + Gap, (rows.Count * cell) + Gap, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(Background);
        var pixels = bitmap.GetPixelSpan();
        for (var r = 0; r < rows.Count; r++)
        {
            for (var c = 0; c < rows[r].Count; c++)
            {
                Draw(rows[r][c], side, scale, pixels, bitmap.RowBytes, Gap + (c * cell), Gap + (r * cell));
            }
        }

        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>Images side by side at their own size, or a whole fraction of it above 64; the gaps are transparent.</summary>
    /// <param name="images">Images [side, side, 3].</param>
    /// <param name="side">Side of an image.</param>
    /// <returns>A PNG.</returns>
    public static byte[] Strip(IReadOnlyList<byte[]> images, int side)
    {
        var factor = (side + WantedSide - 1) / WantedSide;
        var small = side / factor;
        var gap = Math.Max(1, small / 16);
        using var bitmap = new SKBitmap(new SKImageInfo(images.Count * (small + gap), small, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        bitmap.Erase(SKColors.Transparent);
        var pixels = bitmap.GetPixelSpan();
        for (var i = 0; i < images.Count; i++)
        {
            Draw(factor == 1 ? images[i] : Shrink(images[i], side, factor), small, 1, pixels, bitmap.RowBytes, i * (small + gap), 0);
        }

        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>The first principal components as images, each scaled to the full range around grey.</summary>
    /// <param name="pca">The components.</param>
    /// <param name="count">Their number.</param>
    /// <returns>A PNG.</returns>
    public static byte[] Components(PatchPca pca, int count)
    {
        const int across = 8;
        var images = new List<byte[]>();
        for (var k = 0; k < count; k++)
        {
            var component = pca.Basis.AsSpan(k * pca.Dimensions, pca.Dimensions);
            var largest = 0.0;
            foreach (var value in component)
            {
                largest = Math.Max(largest, Math.Abs(value));
            }

            var image = new byte[pca.Dimensions];
            for (var i = 0; i < image.Length; i++)
            {
                image[i] = (byte)Math.Round(127.5 + (127.5 * component[i] / largest));
            }

            images.Add(image);
        }

        while (images.Count % across != 0)
        {
            images.Add([.. Enumerable.Repeat((byte)0x80, pca.Dimensions)]);
        }

        return Grid([.. images.Chunk(across)], pca.PatchSize);
    }

    /// <summary>Means of squares of pixels; incomplete squares at the right and the bottom are dropped.</summary>
    private static byte[] Shrink(byte[] image, int side, int factor)
    {
        var small = side / factor;
        var to = new byte[small * small * 3];
        for (var i = 0; i < to.Length; i++)
        {
            var (y, x, channel) = (i / 3 / small * factor, i / 3 % small * factor, i % 3);
            var sum = 0;
            for (var square = 0; square < factor * factor; square++)
            {
                sum += image[((((y + (square / factor)) * side) + x + (square % factor)) * 3) + channel];
            }

            to[i] = (byte)((sum + (factor * factor / 2)) / (factor * factor));
        }

        return to;
    }

    private static void Draw(byte[] image, int side, int scale, Span<byte> to, int stride, int left, int top)
    {
        for (var y = 0; y < side * scale; y++)
        {
            for (var x = 0; x < side * scale; x++)
            {
                var from = (((y / scale) * side) + (x / scale)) * 3;
                var at = ((top + y) * stride) + ((left + x) * 4);
                image.AsSpan(from, 3).CopyTo(to[at..]);
                to[at + 3] = 255;
            }
        }
    }
}
