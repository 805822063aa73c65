using LDaeCore.Model.Tokenizers;
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

    /// <summary>The first principal components as images, each brought to the full range around grey.</summary>
    /// <param name="pca">The components.</param>
    /// <param name="count">How many.</param>
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
