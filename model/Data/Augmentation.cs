using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Data;

/// <summary>
/// What happens to a training image: centre crop or random-resized-crop (Szegedy et al. 2015, with torchvision's sampling), then
/// perhaps a horizontal flip. What is drawn depends on the seed, the step and the image's place in the global batch only.
/// </summary>
/// <param name="Size">Side of the square result, in pixels.</param>
/// <param name="RandomCrop">Random-resized-crop instead of the centre.</param>
/// <param name="MinScale">Smallest share of the image's area a random crop takes.</param>
/// <param name="Flip">Whether half of the images are mirrored.</param>
public sealed record Augmentation(int Size, bool RandomCrop, double MinScale, bool Flip)
{
    private const int Tries = 10;
    private const double NarrowestRatio = 3.0 / 4, WidestRatio = 4.0 / 3;

    /// <summary>Applies it.</summary>
    /// <param name="image">The image.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="place">Place of the image in the global batch.</param>
    /// <param name="to">[Size, Size, 3].</param>
    public void Apply(RgbImage image, ulong seed, uint step, long place, Span<byte> to)
    {
        if (RandomCrop)
        {
            var (left, top, width, height) = Rectangle(image, seed, step, place);
            Bicubic.Resize(Crop(image, left, top, width, height), Size, Size).Pixels.CopyTo(to);
        }
        else
        {
            Center(image, Size, to);
        }

        if (Flip && Philox.Word(seed, RandomStream.Flip, step, (ulong)place) >> 31 == 1)
        {
            Mirror(to, Size);
        }
    }

    /// <summary>The centre square: the short side is resized to <paramref name="size"/>, the middle of the long one is kept.</summary>
    /// <param name="image">The image.</param>
    /// <param name="size">Side of the result.</param>
    /// <param name="to">[size, size, 3].</param>
    public static void Center(RgbImage image, int size, Span<byte> to)
    {
        var resized = image;
        if (Math.Min(image.Width, image.Height) != size)
        {
            var (width, height) = image.Width <= image.Height
                ? (size, (int)((long)size * image.Height / image.Width))
                : ((int)((long)size * image.Width / image.Height), size);
            resized = Bicubic.Resize(image, width, height);
        }

        var left = (int)Math.Round((resized.Width - size) / 2.0, MidpointRounding.ToEven);
        var top = (int)Math.Round((resized.Height - size) / 2.0, MidpointRounding.ToEven);
        Crop(resized, left, top, size, size).Pixels.CopyTo(to);
    }

    private (int Left, int Top, int Width, int Height) Rectangle(RgbImage image, ulong seed, uint step, long place)
    {
        var area = (double)image.Width * image.Height;
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var (a, b, c, d) = Philox.Block(seed, RandomStream.Crop, step, ((ulong)place * Tries) + (ulong)attempt);
            var wanted = area * (MinScale + ((1 - MinScale) * Philox.Uniform(a)));
            var ratio = Math.Exp(Math.Log(NarrowestRatio) + ((Math.Log(WidestRatio) - Math.Log(NarrowestRatio)) * Philox.Uniform(b)));
            var width = (int)Math.Round(Math.Sqrt(wanted * ratio));
            var height = (int)Math.Round(Math.Sqrt(wanted / ratio));
            if (width > 0 && width <= image.Width && height > 0 && height <= image.Height)
            {
                return ((int)Philox.Below(c, (uint)(image.Width - width + 1)), (int)Philox.Below(d, (uint)(image.Height - height + 1)), width, height);
            }
        }

        // No try fitted: the largest rectangle of an allowed ratio in the middle.
        var own = (double)image.Width / image.Height;
        var (w, h) = own < NarrowestRatio ? (image.Width, (int)Math.Round(image.Width / NarrowestRatio))
            : own > WidestRatio ? ((int)Math.Round(image.Height * WidestRatio), image.Height)
            : (image.Width, image.Height);
        return ((image.Width - w) / 2, (image.Height - h) / 2, w, h);
    }

    private static RgbImage Crop(RgbImage image, int left, int top, int width, int height)
    {
        if (width == image.Width && height == image.Height)
        {
            return image;
        }

        var pixels = new byte[width * height * 3];
        for (var y = 0; y < height; y++)
        {
            image.Pixels.AsSpan((((top + y) * image.Width) + left) * 3, width * 3).CopyTo(pixels.AsSpan(y * width * 3));
        }

        return new RgbImage(width, height, pixels);
    }

    private static void Mirror(Span<byte> pixels, int size)
    {
        for (var y = 0; y < size; y++)
        {
            var row = pixels.Slice(y * size * 3, size * 3);
            for (int left = 0, right = (size - 1) * 3; left < right; left += 3, right -= 3)
            {
                for (var c = 0; c < 3; c++)
                {
                    (row[left + c], row[right + c]) = (row[right + c], row[left + c]);
                }
            }
        }
    }
}
