namespace LDaeCore.Model.Data;

/// <summary>
/// Antialiased bicubic resampling (Keys' kernel, a = -1/2, widened by the reduction factor), bit for bit as Pillow computes it:
/// weights in fixed point with 22 fractional bits, first along rows, rounded to bytes, then along columns.
/// </summary>
public static class Bicubic
{
    private const int FractionBits = 22;
    private const double KernelRadius = 2, A = -0.5;

    /// <summary>Resizes a whole image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="width">New width, at least 1.</param>
    /// <param name="height">New height, at least 1.</param>
    /// <returns>The image itself when the size is its own.</returns>
    public static RgbImage Resize(RgbImage image, int width, int height) =>
        Resize(image, width, height, (0, 0, image.Width, image.Height));

    /// <summary>Resizes a part of an image; the kernel may look beyond the part's edge, as Pillow's does.</summary>
    /// <param name="image">The image.</param>
    /// <param name="width">New width, at least 1.</param>
    /// <param name="height">New height, at least 1.</param>
    /// <param name="box">The part, in pixels, inside the image.</param>
    /// <returns>The resized part.</returns>
    public static RgbImage Resize(RgbImage image, int width, int height, (float Left, float Top, float Right, float Bottom) box)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (!(box.Left >= 0 && box.Top >= 0 && box.Right <= image.Width && box.Bottom <= image.Height && box.Left < box.Right && box.Top < box.Bottom))
        {
            throw new ArgumentException($"The box {box} is not inside an image of {image.Width} x {image.Height}.", nameof(box));
        }

        var result = image;
        if (width != image.Width || box.Left != 0 || box.Right != width)
        {
            result = Rows(result, width, Weights.Of(image.Width, box.Left, box.Right, width));
        }

        if (height != image.Height || box.Top != 0 || box.Bottom != height)
        {
            result = Columns(result, height, Weights.Of(image.Height, box.Top, box.Bottom, height));
        }

        return result;
    }

    private static RgbImage Rows(RgbImage image, int width, Weights weights)
    {
        var pixels = new byte[width * image.Height * 3];
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                Sum(image.Pixels, ((y * image.Width) + weights.First[x]) * 3, 3, weights.Of(x), pixels.AsSpan(((y * width) + x) * 3, 3));
            }
        }

        return new RgbImage(width, image.Height, pixels);
    }

    private static RgbImage Columns(RgbImage image, int height, Weights weights)
    {
        var pixels = new byte[image.Width * height * 3];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                Sum(image.Pixels, ((weights.First[y] * image.Width) + x) * 3, image.Width * 3, weights.Of(y), pixels.AsSpan(((y * image.Width) + x) * 3, 3));
            }
        }

        return new RgbImage(image.Width, height, pixels);
    }

    private static void Sum(byte[] pixels, int at, int stride, ReadOnlySpan<int> weights, Span<byte> to)
    {
        const int half = 1 << (FractionBits - 1);
        int red = half, green = half, blue = half;
        foreach (var weight in weights)
        {
            red += pixels[at] * weight;
            green += pixels[at + 1] * weight;
            blue += pixels[at + 2] * weight;
            at += stride;
        }

        to[0] = (byte)Math.Clamp(red >> FractionBits, 0, 255);
        to[1] = (byte)Math.Clamp(green >> FractionBits, 0, 255);
        to[2] = (byte)Math.Clamp(blue >> FractionBits, 0, 255);
    }

    /// <summary>For every place of the result, which places of the source it sums and with which weights.</summary>
    private sealed class Weights(int[] first, int[] count, int[] values, int stride)
    {
        public int[] First { get; } = first;

        public static Weights Of(int size, float from, float to, int newSize)
        {
            // Edges are single, as in Pillow, whose last bit decides some bytes.
            var scale = (double)(to - from) / newSize;
            var reduction = Math.Max(scale, 1);
            var support = KernelRadius * reduction;
            var stride = ((int)Math.Ceiling(support) * 2) + 1;
            int[] first = new int[newSize], count = new int[newSize], values = new int[newSize * stride];
            var weights = new double[stride];
            for (var i = 0; i < newSize; i++)
            {
                var center = from + ((i + 0.5) * scale);
                first[i] = Math.Max(0, (int)(center - support + 0.5));
                count[i] = Math.Min(size, (int)(center + support + 0.5)) - first[i];
                var sum = 0.0;
                for (var k = 0; k < count[i]; k++)
                {
                    weights[k] = Kernel((k + first[i] - center + 0.5) * (1 / reduction));
                    sum += weights[k];
                }

                for (var k = 0; k < count[i]; k++)
                {
                    var weight = (sum != 0 ? weights[k] / sum : weights[k]) * (1 << FractionBits);
                    values[(i * stride) + k] = (int)(weight < 0 ? weight - 0.5 : weight + 0.5);
                }
            }

            return new Weights(first, count, values, stride);
        }

        public ReadOnlySpan<int> Of(int place) => values.AsSpan(place * stride, count[place]);

        private static double Kernel(double x)
        {
            x = Math.Abs(x);
            return x < 1 ? ((((A + 2) * x) - (A + 3)) * x * x) + 1
                : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * A
                : 0;
        }
    }
}
