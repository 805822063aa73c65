using System.Buffers.Binary;

namespace LDaeCore.Model.Data;

/// <summary>What a decoder does not say about a JPEG file: whether it is all there.</summary>
internal static class JpegFile
{
    private const byte Marker = 0xFF, Stuffing = 0x00, Temporary = 0x01, Restart0 = 0xD0, Start = 0xD8, End = 0xD9;

    /// <summary>
    /// Whether the end-of-image marker is reached. A progressive image cut between two scans decodes without complaint,
    /// only blurred.
    /// </summary>
    /// <param name="encoded">The file.</param>
    /// <returns>True if it is.</returns>
    public static bool IsComplete(ReadOnlySpan<byte> encoded)
    {
        // Segments are stepped over by their lengths, since a thumbnail inside one has an end marker of its own.
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
