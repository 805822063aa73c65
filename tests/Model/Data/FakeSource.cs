using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;

namespace LDaeCore.Tests.Model.Data;

/// <summary>Images that tell their index: every pixel of image i has the colour (i / 256, i mod 256, 7).</summary>
internal sealed class FakeSource(int count, int side = 8, params int[] broken) : IImageSource
{
    private int _decoded;

    public TimeSpan Delay { get; init; }

    public (int Width, int Height)? UniformSize { get; init; }

    public long ResidentBytes { get; init; }

    /// <summary>How often an image was asked for.</summary>
    public int Decoded => _decoded;

    public string Name => "fake";

    public int Count => count;

    public IReadOnlyList<string> ClassNames { get; } = ["even", "odd"];

    public int Label(int index) => index % 2;

    public string Describe(int index) => $"image {index}";

    public RgbImage Decode(int index)
    {
        Thread.Sleep(Delay);
        Interlocked.Increment(ref _decoded);
        if (broken.Contains(index))
        {
            throw new LdaeException(ErrorKind.Data, $"image {index} is corrupt.", "Remove it.");
        }

        var pixels = new byte[side * side * 3];
        for (var i = 0; i < pixels.Length; i += 3)
        {
            (pixels[i], pixels[i + 1], pixels[i + 2]) = ((byte)(index / 256), (byte)(index % 256), 7);
        }

        return new RgbImage(side, side, pixels);
    }
}
