using System.Buffers.Binary;
using System.Text;
using LDaeCore.Model.Data;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Model.Data;

public sealed class ImageDecoderTests
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "goldens", "data", "images");

    private static IEnumerable<string> Fixtures =>
        Directory.GetFiles(Folder, "*.ppm").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal);

    [TestCaseSource(nameof(Fixtures))]
    public void Pixels_are_those_PIL_reads(string name)
    {
        var image = ImageDecoder.Decode(Bytes(name), name);
        var (width, height, expected) = ReadPpm(name + ".ppm");
        Assert.That((image.Width, image.Height), Is.EqualTo((width, height)));
        var worst = image.Pixels.Zip(expected, (a, b) => Math.Abs(a - b)).Max();
        Assert.That(worst, Is.LessThanOrEqualTo(name.EndsWith(".jpg", StringComparison.Ordinal) || name == "lossy.webp" ? 3 : 0));
    }

    [Test]
    public void There_are_fixtures() => Assert.That(Fixtures.Count(), Is.GreaterThanOrEqualTo(24));

    // Containers end in bytes that hold no pixels; a JPEG is complete with its last byte only.
    [TestCase("colour.jpg", 0)]
    [TestCase("progressive.jpg", 0)]
    [TestCase("orientation_6.jpg", 0)]
    [TestCase("colour_16_bit.png", 40)]
    [TestCase("palette.png", 40)]
    [TestCase("alpha.webp", 40)]
    [TestCase("colour.bmp", 40)]
    public void A_truncated_file_is_an_error_at_every_length(string name, int trailer)
    {
        var whole = Bytes(name);
        for (var length = whole.Length - trailer - 1; length >= 0; length -= 7)
        {
            DataErrors.AssertThrown(() => ImageDecoder.Decode(whole.AsSpan(0, length), "some.file"), "some.file");
        }
    }

    [Test]
    public void A_thumbnail_does_not_end_the_image_it_is_in()
    {
        byte[] withThumbnail = [0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9, 0xFF, 0xFF, 0xDA, 0, 2, 1, 0xFF, 0, 0xFF, 0xD3, 7];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(JpegFile.IsComplete(withThumbnail), Is.False);
            Assert.That(JpegFile.IsComplete([.. withThumbnail, 0xFF]), Is.False);
            Assert.That(JpegFile.IsComplete([.. withThumbnail, 0xFF, 0xD9]), Is.True);
        }
    }

    [Test]
    public void A_corrupt_or_foreign_file_is_an_error()
    {
        var corrupt = Bytes("alpha.png");
        corrupt.AsSpan(60, 200).Fill(0xA5);
        DataErrors.AssertThrown(() => ImageDecoder.Decode(corrupt, "bad.png"), "bad.png");
        DataErrors.AssertThrown(() => ImageDecoder.Decode("not an image"u8, "text.jpg"), "text.jpg", "12 bytes");
    }

    [Test]
    public void A_bomb_is_refused_by_what_it_declares()
    {
        // Width and height of a BMP header stand at 18 and 22.
        var bomb = Bytes("colour.bmp");
        BinaryPrimitives.WriteInt32LittleEndian(bomb.AsSpan(18), 20_000);
        BinaryPrimitives.WriteInt32LittleEndian(bomb.AsSpan(22), 5_001);
        DataErrors.AssertThrown(() => ImageDecoder.Decode(bomb, "bomb.bmp"), "bomb.bmp", "20000 x 5001", "megapixels");
    }

    [TestCase(SKEncodedImageFormat.Png)]
    [TestCase(SKEncodedImageFormat.Webp)]
    public void Lossless_round_trip_of_every_size(SKEncodedImageFormat format)
    {
        foreach (var (width, height) in new[] { (1, 1), (1, 7), (7, 1), (13, 5), (64, 33) })
        {
            var (encoded, pixels) = Encode(width, height, format, 100);
            var image = ImageDecoder.Decode(encoded, "x");
            Assert.That((image.Width, image.Height), Is.EqualTo((width, height)));
            if (format == SKEncodedImageFormat.Png)
            {
                Assert.That(image.Pixels, Is.EqualTo(pixels));
            }
        }
    }

    /// <summary>A small picture encoded by SkiaSharp, and its pixels.</summary>
    internal static (byte[] Encoded, byte[] Pixels) Encode(int width, int height, SKEncodedImageFormat format, int quality)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var pixels = new List<byte>();
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var colour = new SKColor((byte)(x * 3), (byte)(y * 5), (byte)(x + y + 50));
                bitmap.SetPixel(x, y, colour);
                pixels.AddRange([colour.Red, colour.Green, colour.Blue]);
            }
        }

        using var data = bitmap.Encode(format, quality);
        return (data.ToArray(), [.. pixels]);
    }

    private static byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    private static (int Width, int Height, byte[] Pixels) ReadPpm(string name)
    {
        var bytes = Bytes(name);
        var header = Encoding.ASCII.GetString(bytes, 0, 20).Split((char[]?)null, 5);
        Assert.That((header[0], header[3]), Is.EqualTo(("P6", "255")));
        int width = int.Parse(header[1]), height = int.Parse(header[2]);
        return (width, height, bytes[^(3 * width * height)..]);
    }
}
