using System.Diagnostics;
using LDaeCore.Model.Data;
using SkiaSharp;

namespace LDaeCore.Bench;

/// <summary>
/// Data loading alone, on one core: JPEG files decoded, cropped at random and resized. <c>bench/pil.py</c> does the same with the same
/// files, which are left in the output folder where they are not the user's own.
/// </summary>
/// <param name="options">What is asked for.</param>
internal sealed class DataRuns(BenchOptions options)
{
    private const int Files = 128, Quality = 90;
    private const double SmallestCrop = 0.2;

    // What is decoded for what size: tiny images for the small one, photos of the usual size for the large one.
    private static readonly (int Size, int Width)[] Sizes = [(64, 64), (256, 400)];

    /// <summary>Times the sizes that the options ask for.</summary>
    public IEnumerable<ResultRow> Run()
    {
        foreach (var (size, width) in Sizes.Where(s => options.Wants($"data {s.Size}")))
        {
            var paths = options.Data is { } folder
                ? Directory.EnumerateFiles(folder, "*.*", SearchOption.AllDirectories).Where(IsJpeg).Order(StringComparer.Ordinal).Take(Files)
                : Encode(width);
            var files = paths.Select(File.ReadAllBytes).ToArray();
            var augmentation = new Augmentation(size, RandomCrop: true, SmallestCrop, Flip: true);
            var pixels = new byte[size * size * 3];
            var rounds = options.Short || options.Toy ? 3 : 9;
            var times = new List<double>();
            for (var round = -1; round < rounds; round++)
            {
                var start = Stopwatch.GetTimestamp();
                for (var i = 0; i < files.Length; i++)
                {
                    augmentation.Apply(ImageDecoder.Decode(files[i], "file"), 0, (uint)Math.Max(round, 0), i, pixels);
                }

                if (round >= 0)
                {
                    times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds / files.Length);
                }
            }

            var row = ResultRow.Of($"data {size}", "images", times);
            yield return row with { ImagesPerSecond = 1 / row.MedianS };
        }
    }

    private static bool IsJpeg(string path) => Path.GetExtension(path).ToLowerInvariant() is ".jpg" or ".jpeg";

    private List<string> Encode(int width)
    {
        var folder = Path.Combine(options.Out, $"jpeg-{width}");
        Directory.CreateDirectory(folder);
        var source = new SyntheticSource(options.Toy ? 4 : Files, width, 0, train: true);
        var files = new List<string>();
        for (var i = 0; i < source.Count; i++)
        {
            var image = source.Decode(i);
            using var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
            var to = bitmap.GetPixelSpan();
            for (int from = 0, at = 0; from < image.Pixels.Length; from += 3, at += 4)
            {
                (to[at], to[at + 1], to[at + 2], to[at + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2], byte.MaxValue);
            }

            using var encoded = bitmap.Encode(SKEncodedImageFormat.Jpeg, Quality);
            files.Add(Path.Combine(folder, $"{i:D4}.jpg"));
            using var stream = File.Create(files[^1]);
            encoded.SaveTo(stream);
        }

        return files;
    }
}
