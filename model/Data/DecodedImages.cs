using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>Decides whether a run keeps its images decoded: where all fit, each is decoded once.</summary>
public static class DecodedImages
{
    /// <summary>Most bytes that are kept.</summary>
    public const long Most = 1L << 30;

    private const int Samples = 8;

    /// <summary>Bytes to give a <see cref="BatchLoader"/> for decoded images.</summary>
    /// <param name="source">The images; where their size is not known, a few are decoded to estimate it.</param>
    /// <param name="indices">The images that are used.</param>
    /// <param name="room">Bytes of memory that may be used.</param>
    /// <returns>The bytes of all of them; 0 where they do not fit, or the source has their pixels in memory.</returns>
    public static long Budget(IImageSource source, int[] indices, long room)
    {
        var bytes = source.UniformSize is { } size
            ? 3L * size.Width * size.Height * indices.Length
            : Estimate(source, indices);
        var inMemory = source.UniformSize is not null && source.ResidentBytes >= bytes;
        return inMemory || bytes > Math.Min(room, Most) ? 0 : bytes;
    }

    private static long Estimate(IImageSource source, int[] indices)
    {
        // Where an image costs a whole shard, one is decoded.
        var samples = Math.Min(source.OpenShards > 0 ? 1 : Samples, indices.Length);
        var (bytes, read) = (0L, 0);
        for (var i = 0; i < samples; i++)
        {
            try
            {
                bytes += source.Decode(indices[(long)i * indices.Length / samples]).Pixels.Length;
                read++;
            }
            catch (LdaeException e) when (e.Kind == ErrorKind.Data)
            {
                // The loader reports it.
            }
        }

        return read == 0 ? long.MaxValue : bytes * indices.Length / read;
    }
}
