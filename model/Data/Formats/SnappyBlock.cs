using System.Buffers.Binary;

namespace LDaeCore.Model.Data.Formats;

/// <summary>Snappy's block format: literals, and copies of earlier output.</summary>
internal static class SnappyBlock
{
    /// <summary>Largest compression ratio: 64 bytes from a copy of three.</summary>
    public const int MostExpansion = 22;

    /// <summary>Decompresses a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="length">Decompressed bytes; the caller has checked <see cref="MostExpansion"/>.</param>
    /// <returns>The bytes.</returns>
    /// <exception cref="InvalidDataException">It is damaged, or has another length.</exception>
    public static byte[] Unpack(ReadOnlySpan<byte> block, int length)
    {
        var from = new ThriftReader(block);
        var stated = from.Varint();
        if (stated != (ulong)length)
        {
            throw new InvalidDataException($"a compressed page of {stated} bytes, but its header says {length}");
        }

        var to = GC.AllocateUninitializedArray<byte>(length);
        var done = 0;
        while (from.Left > 0)
        {
            var tag = from.Take(1)[0];
            if ((tag & 3) == 0)
            {
                var literal = from.Take(LiteralLength(ref from, tag));
                if (literal.Length > length - done)
                {
                    throw new InvalidDataException("a compressed page that is longer than its header says");
                }

                literal.CopyTo(to.AsSpan(done));
                done += literal.Length;
            }
            else
            {
                done += Copy(ref from, tag, to, done);
            }
        }

        return done == length ? to : throw new InvalidDataException("a compressed page that is shorter than its header says");
    }

    private static ulong LiteralLength(ref ThriftReader from, byte tag)
    {
        var (bytes, length) = ((tag >> 2) - 59, 0UL);
        if (bytes <= 0)
        {
            return (ulong)(tag >> 2) + 1;
        }

        foreach (var next in Reversed(from.Take((ulong)bytes)))
        {
            length = (length << 8) | next;
        }

        return length + 1;
    }

    private static int Copy(ref ThriftReader from, byte tag, byte[] to, int done)
    {
        var (length, back) = (tag & 3) switch
        {
            1 => (((tag >> 2) & 7) + 4, ((uint)(tag >> 5) << 8) | from.Take(1)[0]),
            2 => ((tag >> 2) + 1, BinaryPrimitives.ReadUInt16LittleEndian(from.Take(2))),
            _ => ((tag >> 2) + 1, BinaryPrimitives.ReadUInt32LittleEndian(from.Take(4))),
        };
        if (back == 0 || back > done || length > to.Length - done)
        {
            throw new InvalidDataException("a compressed page with a copy from outside its output");
        }

        // A copy may overlap its own output, which then repeats.
        for (var i = 0; i < length; i++)
        {
            to[done + i] = to[done + i - (int)back];
        }

        return length;
    }

    private static byte[] Reversed(ReadOnlySpan<byte> bytes)
    {
        var reversed = bytes.ToArray();
        Array.Reverse(reversed);
        return reversed;
    }
}
