using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using LDaeCore.Engine.Errors;
using SkiaSharp;

namespace LDaeCore.Model.Data;

/// <summary>A decoded image of three bytes a pixel.</summary>
/// <param name="Width">Pixels across.</param>
/// <param name="Height">Pixels down.</param>
/// <param name="Pixels">Red, green, blue of each pixel, rows from the top [Height, Width, 3].</param>
public sealed record RgbImage(int Width, int Height, byte[] Pixels);

/// <summary>
/// Decodes JPEG, PNG, WebP and BMP to RGB as PIL's convert("RGB") does: alpha is dropped, not blended, and embedded
/// colour profiles are not applied. The cameras' orientation is applied.
/// </summary>
public static class ImageDecoder
{
    /// <summary>Most pixels an image may declare; more are an error, before memory is allocated.</summary>
    public const long MostPixels = 100_000_000;

    // The usual size of photos in data sets; rented memory stays with the process.
    private const long MostLentBytes = 16 << 20;

    private const string Remedy = "Replace or remove the file.";

    /// <summary>Decodes an image.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="name">Its name in messages.</param>
    /// <returns>The image, upright.</returns>
    /// <exception cref="LdaeException">Data: not an image, truncated, corrupt or too large.</exception>
    public static unsafe RgbImage Decode(ReadOnlySpan<byte> encoded, string name)
    {
        using var data = SKData.CreateCopy(encoded);
        using var codec = SKCodec.Create(data) ?? throw Error($"{name} is not a readable image ({encoded.Length} bytes).");
        int width = codec.Info.Width, height = codec.Info.Height;
        if (width < 1 || height < 1 || (long)width * height > MostPixels)
        {
            throw Error($"{name}: {width} x {height} pixels, more than the {MostPixels / 1_000_000} megapixels that are supported.");
        }

        // Without a colour space the samples come as stored; without premultiplication colours under alpha do.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, null);

        // Rented memory: the kernel would clear fresh pages for every image, a seventh of the time of a photo.
        using var lent = info.BytesSize64 <= MostLentBytes ? MemoryPool<byte>.Shared.Rent(info.BytesSize) : null;
        using var own = lent is null ? new SKBitmap() : null;
        if (own is not null && !own.TryAllocPixels(info))
        {
            throw Error($"{name}: no memory for {width} x {height} pixels.");
        }

        using var pinned = lent?.Memory.Pin() ?? default;
        var pixels = own?.GetPixels() ?? (nint)pinned.Pointer;
        var result = codec.GetPixels(info, pixels);
        if (result != SKCodecResult.Success)
        {
            throw Error($"{name}: {(result == SKCodecResult.IncompleteInput ? "truncated" : "corrupt")} image ({result}).");
        }

        if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg && !JpegFile.IsComplete(encoded))
        {
            throw Error($"{name}: truncated image (no end marker).");
        }

        return Upright(new ReadOnlySpan<uint>((void*)pixels, width * height), width, height, codec.EncodedOrigin);
    }

    /// <summary>Drops alpha and applies the orientation: each row of the result is read with a fixed stride from the stored pixels.</summary>
    private static RgbImage Upright(ReadOnlySpan<uint> source, int width, int height, SKEncodedOrigin origin)
    {
        int pitch = width, right = width - 1, bottom = (height - 1) * pitch;

        // Stored position of the upright top left pixel, and the steps to its right and lower neighbours.
        var (start, across, down) = origin switch
        {
            SKEncodedOrigin.TopRight => (right, -1, pitch),
            SKEncodedOrigin.BottomRight => (bottom + right, -1, -pitch),
            SKEncodedOrigin.BottomLeft => (bottom, 1, -pitch),
            SKEncodedOrigin.LeftTop => (0, pitch, 1),
            SKEncodedOrigin.RightTop => (bottom, -pitch, 1),
            SKEncodedOrigin.RightBottom => (bottom + right, -pitch, -1),
            SKEncodedOrigin.LeftBottom => (right, pitch, -1),
            _ => (0, 1, pitch),
        };
        if (origin >= SKEncodedOrigin.LeftTop)
        {
            (width, height) = (height, width);
        }

        var pixels = GC.AllocateUninitializedArray<byte>(width * height * 3);
        var to = 0;
        for (var y = 0; y < height; y++)
        {
            var from = start + (y * down);
            var x = across == 1 ? WithoutAlpha(source.Slice(from, width), pixels.AsSpan(to)) : 0;
            (from, to) = (from + x, to + (x * 3));
            for (; x < width; x++, from += across, to += 3)
            {
                var pixel = source[from];
                (pixels[to], pixels[to + 1], pixels[to + 2]) = ((byte)pixel, (byte)(pixel >> 8), (byte)(pixel >> 16));
            }
        }

        return new RgbImage(width, height, pixels);
    }

    /// <summary>Four pixels at a time, as long as sixteen bytes may be written for twelve: the next pixels overwrite the rest.</summary>
    /// <returns>Number of pixels copied.</returns>
    private static int WithoutAlpha(ReadOnlySpan<uint> row, Span<byte> to)
    {
        var colours = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
        var x = 0;
        for (; x + 4 <= row.Length && (x * 3) + 16 <= to.Length; x += 4)
        {
            Vector128.Shuffle(Vector128.Create(row.Slice(x, 4)).AsByte(), colours).CopyTo(to[(x * 3)..]);
        }

        return x;
    }

    private static LdaeException Error(string message) => new(ErrorKind.Data, message, Remedy);
}

/// <summary>Detects truncated JPEG files that a decoder accepts.</summary>
internal static class JpegFile
{
    private const byte Marker = 0xFF, Stuffing = 0x00, Temporary = 0x01, Restart0 = 0xD0, Start = 0xD8, End = 0xD9;

    /// <summary>
    /// Whether the end-of-image marker is reached. A progressive image cut between two scans decodes without an error,
    /// but blurred.
    /// </summary>
    /// <param name="encoded">The file.</param>
    /// <returns>True if it is.</returns>
    public static bool IsComplete(ReadOnlySpan<byte> encoded)
    {
        // Segments are skipped by their lengths, because a thumbnail inside one has an end marker too.
        for (var at = 0; at < encoded.Length;)
        {
            var skip = encoded[at..].IndexOf(Marker);
            if (skip < 0)
            {
                return false;
            }

            at += skip;
            while (at < encoded.Length && encoded[at] == Marker)
            {
                at++;
            }

            if (at >= encoded.Length)
            {
                return false;
            }

            var kind = encoded[at++];
            if (kind == End)
            {
                return true;
            }

            var alone = kind is Stuffing or Temporary or (>= Restart0 and <= Start);
            if (!alone && at + 2 <= encoded.Length)
            {
                at += BinaryPrimitives.ReadUInt16BigEndian(encoded[at..]);
            }
        }

        return false;
    }
}
