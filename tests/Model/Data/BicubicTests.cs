using System.Text.Json;
using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Data;

/// <summary>The resize against Pillow's, byte for byte; goldens by tests/goldens/pil_bicubic.py.</summary>
public sealed class BicubicTests
{
    private static readonly string Goldens = Path.Combine(AppContext.BaseDirectory, "goldens", "data");

    [Test]
    public void Resize_equals_Pillow_byte_for_byte()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Goldens, "pil_bicubic.json")));
        var data = File.ReadAllBytes(Path.Combine(Goldens, "pil_bicubic.bin"));
        var (offset, cases) = (0, 0);
        foreach (var item in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            var input = Take(data, ref offset, item, "width", "height");
            var expected = Take(data, ref offset, item, "outWidth", "outHeight");
            var box = item.GetProperty("box").EnumerateArray().Select(v => v.GetSingle()).ToArray();
            var actual = Bicubic.Resize(input, expected.Width, expected.Height, (box[0], box[1], box[2], box[3]));
            Assert.That(actual.Pixels, Is.EqualTo(expected.Pixels), item.ToString());
            cases++;
        }

        Assert.That((cases, offset), Is.EqualTo((19, data.Length)));
    }

    [Test]
    public void Boxes_outside_the_image_are_refused()
    {
        var image = Noise(10, 10);
        Assert.That(() => Bicubic.Resize(image, 4, 4, (0, 0, 10.5f, 10)), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => Bicubic.Resize(image, 4, 4, (4, 0, 4, 10)), Throws.InstanceOf<ArgumentException>());
    }

    [Test]
    public void An_image_of_the_wanted_size_is_handed_back_as_it_is()
    {
        var image = Noise(10, 7);
        Assert.That(Bicubic.Resize(image, 10, 7), Is.SameAs(image));
    }

    private static RgbImage Take(byte[] data, ref int offset, JsonElement item, string width, string height)
    {
        var (w, h) = (item.GetProperty(width).GetInt32(), item.GetProperty(height).GetInt32());
        var image = new RgbImage(w, h, data.AsSpan(offset, w * h * 3).ToArray());
        offset += w * h * 3;
        return image;
    }

    private static RgbImage Noise(int width, int height)
    {
        var pixels = new byte[width * height * 3];
        new Random(5).NextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }
}
