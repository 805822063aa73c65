using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Data;

/// <summary>
/// The transformation of a training image: centre crop or random-resized-crop (Szegedy et al. 2015, with torchvision's sampling), then
/// perhaps a horizontal flip. The random numbers depend only on the seed, the step and the image's position in the global batch.
/// </summary>
/// <param name="Size">Side of the square result, in pixels.</param>
/// <param name="RandomCrop">Random-resized-crop instead of the centre.</param>
/// <param name="MinScale">Smallest share of the image's area in a random crop.</param>
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
        var box = Box(0, image.Width, image.Height, seed, step, place);
        Cut(image, box, Size, to);
        if (box.Mirrored == 1)
        {
            Mirror(to, Size);
        }
    }

    /// <summary>Draws the box of <see cref="Apply"/>, for images whose pixels are on a device.</summary>
    /// <param name="image">Index of the image, for the box.</param>
    /// <param name="width">Columns of the image.</param>
    /// <param name="height">Rows of the image.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="place">Place of the image in the global batch.</param>
    /// <returns>The box.</returns>
    public CropBox Box(int image, int width, int height, ulong seed, uint step, long place)
    {
        var box = CenterBox(width, height, Size);
        if (RandomCrop)
        {
            var (left, top, w, h) = Rectangle(width, height, seed, step, place);
            box = new CropBox(0, left, top, w, h, Size, Size, 0, 0, 0);
        }

        var mirrored = Flip && Philox.Word(seed, RandomStream.Flip, step, (ulong)place) >> 31 == 1;
        return box with { Image = image, Mirrored = mirrored ? 1 : 0 };
    }

    /// <summary>The centre square: the short side is resized to <paramref name="size"/>, the middle of the long one is kept.</summary>
    /// <param name="image">The image.</param>
    /// <param name="size">Side of the result.</param>
    /// <param name="to">[size, size, 3].</param>
    public static void Center(RgbImage image, int size, Span<byte> to) => Cut(image, CenterBox(image.Width, image.Height, size), size, to);

    private static CropBox CenterBox(int width, int height, int size)
    {
        var (w, h) = width <= height ? (size, (int)((long)size * height / width)) : ((int)((long)size * width / height), size);
        var across = (int)Math.Round((w - size) / 2.0, MidpointRounding.ToEven);
        var down = (int)Math.Round((h - size) / 2.0, MidpointRounding.ToEven);
        return new CropBox(0, 0, 0, width, height, w, h, across, down, 0);
    }

    private static void Cut(RgbImage image, in CropBox box, int size, Span<byte> to)
    {
        var part = Bicubic.Resize(Crop(image, box.Left, box.Top, box.Width, box.Height), box.ResizedWidth, box.ResizedHeight);
        Crop(part, box.Across, box.Down, size, size).Pixels.CopyTo(to);
    }

    private (int Left, int Top, int Width, int Height) Rectangle(int imageWidth, int imageHeight, ulong seed, uint step, long place)
    {
        var area = (double)imageWidth * imageHeight;
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var (a, b, c, d) = Philox.Block(seed, RandomStream.Crop, step, ((ulong)place * Tries) + (ulong)attempt);
            var wanted = area * (MinScale + ((1 - MinScale) * Philox.Uniform(a)));
            var ratio = Math.Exp(Math.Log(NarrowestRatio) + ((Math.Log(WidestRatio) - Math.Log(NarrowestRatio)) * Philox.Uniform(b)));
            var width = (int)Math.Round(Math.Sqrt(wanted * ratio));
            var height = (int)Math.Round(Math.Sqrt(wanted / ratio));
            if (width > 0 && width <= imageWidth && height > 0 && height <= imageHeight)
            {
                return ((int)Philox.Below(c, (uint)(imageWidth - width + 1)), (int)Philox.Below(d, (uint)(imageHeight - height + 1)), width, height);
            }
        }

        // No attempt fitted: the largest rectangle of an allowed ratio in the middle.
        var own = (double)imageWidth / imageHeight;
        var (w, h) = own < NarrowestRatio ? (imageWidth, (int)Math.Round(imageWidth / NarrowestRatio))
            : own > WidestRatio ? ((int)Math.Round(imageHeight * WidestRatio), imageHeight)
            : (imageWidth, imageHeight);
        return ((imageWidth - w) / 2, (imageHeight - h) / 2, w, h);
    }

    private static RgbImage Crop(RgbImage image, int left, int top, int width, int height)
    {
        if (width == image.Width && height == image.Height)
        {
            return image;
        }

        var pixels = GC.AllocateUninitializedArray<byte>(width * height * 3);
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
