using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LDaeCore.Model.Data;

/// <summary>
/// Antialiased bicubic resampling (Keys' kernel, a = -1/2, widened by the reduction factor), bit for bit as Pillow computes it:
/// weights in fixed point with 22 fractional bits, first along rows, rounded to bytes, then along columns.
/// </summary>
public static class Bicubic
{
    private const int FractionBits = 22, Half = 1 << (FractionBits - 1);
    private const double KernelRadius = 2, A = -0.5;

    /// <summary>Resizes a whole image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="width">New width, at least 1.</param>
    /// <param name="height">New height, at least 1.</param>
    /// <returns>The image itself when the size is its own.</returns>
    public static RgbImage Resize(RgbImage image, int width, int height) =>
        Resize(image, width, height, (0, 0, image.Width, image.Height));

    /// <summary>Resizes a part of an image; the kernel may read beyond the part's edge, as Pillow's does.</summary>
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

    /// <summary>
    /// Along rows, two rows are processed together: their pixels, three colours and an empty lane each, form eight integers, so that
    /// a weight costs one load, one product and one sum.
    /// </summary>
    private static RgbImage Rows(RgbImage image, int width, Weights weights)
    {
        var pixels = GC.AllocateUninitializedArray<byte>(width * image.Height * 3);
        var pair = new int[image.Width * 8];

        // A pixel is written with a fourth byte, which the next one overwrites.
        byte[] upper = new byte[(width * 3) + 1], lower = new byte[(width * 3) + 1];
        for (var y = 0; y < image.Height; y += 2)
        {
            var second = Math.Min(y + 1, image.Height - 1);
            Widen(image.Pixels, y * image.Width * 3, pair, 0);
            Widen(image.Pixels, second * image.Width * 3, pair, 4);
            for (var x = 0; x < width; x++)
            {
                var sum = Vector256.Create(Half);
                ref var at = ref pair[weights.First[x] * 8];
                foreach (var weight in weights.Of(x))
                {
                    sum += Vector256.LoadUnsafe(ref at) * weight;
                    at = ref Unsafe.Add(ref at, 8);
                }

                var eight = Bytes(sum.GetLower(), sum.GetUpper());
                Unsafe.WriteUnaligned(ref upper[x * 3], (uint)eight);
                Unsafe.WriteUnaligned(ref lower[x * 3], (uint)(eight >> 32));
            }

            upper.AsSpan(0, width * 3).CopyTo(pixels.AsSpan(y * width * 3));
            lower.AsSpan(0, width * 3).CopyTo(pixels.AsSpan(second * width * 3));
        }

        return new RgbImage(width, image.Height, pixels);
    }

    /// <summary>Writes the colours of a row to every second half of eight integers: four pixels at a time, as long as sixteen bytes can be read for twelve.</summary>
    private static void Widen(byte[] pixels, int from, int[] to, int place)
    {
        var colours = Vector128.Create((byte)0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255);
        for (; place + 24 < to.Length && from + 16 <= pixels.Length; place += 32, from += 12)
        {
            var (low, high) = Vector128.Widen(Vector128.Shuffle(Vector128.Create(pixels, from), colours));
            var ((first, second), (third, fourth)) = (Vector128.Widen(low), Vector128.Widen(high));
            first.AsInt32().CopyTo(to, place);
            second.AsInt32().CopyTo(to, place + 8);
            third.AsInt32().CopyTo(to, place + 16);
            fourth.AsInt32().CopyTo(to, place + 24);
        }

        for (; place < to.Length; place += 8, from += 3)
        {
            (to[place], to[place + 1], to[place + 2]) = (pixels[from], pixels[from + 1], pixels[from + 2]);
        }
    }

    /// <summary>Along columns every byte of a row has the same weights: a row is summed directly, eight bytes at a time.</summary>
    private static RgbImage Columns(RgbImage image, int height, Weights weights)
    {
        var stride = image.Width * 3;
        var pixels = GC.AllocateUninitializedArray<byte>(stride * height);
        for (var y = 0; y < height; y++)
        {
            var own = weights.Of(y);
            var first = weights.First[y] * stride;
            var x = 0;
            for (; x <= stride - 8; x += 8)
            {
                Vector128<int> low = Vector128.Create(Half), high = low;
                for (var k = 0; k < own.Length; k++)
                {
                    var eight = Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref image.Pixels[first + (k * stride) + x])).AsByte());
                    low += Vector128.WidenLower(eight).AsInt32() * own[k];
                    high += Vector128.WidenUpper(eight).AsInt32() * own[k];
                }

                Unsafe.WriteUnaligned(ref pixels[(y * stride) + x], Bytes(low, high));
            }

            for (; x < stride; x++)
            {
                var sum = Half;
                for (var k = 0; k < own.Length; k++)
                {
                    sum += image.Pixels[first + (k * stride) + x] * own[k];
                }

                pixels[(y * stride) + x] = (byte)Math.Clamp(sum >> FractionBits, 0, 255);
            }
        }

        return new RgbImage(image.Width, height, pixels);
    }

    /// <summary>Eight sums rounded, as bytes.</summary>
    private static ulong Bytes(Vector128<int> low, Vector128<int> high) =>
        Vector128.Narrow(Vector128.Narrow(Clamp(low), Clamp(high)), Vector128<ushort>.Zero).AsUInt64().ToScalar();

    private static Vector128<uint> Clamp(Vector128<int> sum) =>
        Vector128.Min(Vector128.Max(sum >> FractionBits, Vector128<int>.Zero), Vector128.Create(255)).AsUInt32();

    /// <summary>For each position of the result, the positions of the source that it sums and their weights.</summary>
    private sealed class Weights(int[] first, int[] count, int[] values, int stride)
    {
        public int[] First { get; } = first;

        public static Weights Of(int size, float from, float to, int newSize)
        {
            // Edges are in float32, as in Pillow, whose last bit decides some bytes.
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
