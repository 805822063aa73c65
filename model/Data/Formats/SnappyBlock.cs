using System.Buffers.Binary;

namespace LDaeCore.Model.Data.Formats;

/// <summary>Snappy's block format: literals, and copies of what was written before.</summary>
internal static class SnappyBlock
{
    /// <summary>The densest there is: 64 bytes from a copy of three.</summary>
    public const int MostExpansion = 22;

    /// <summary>Unpacks a block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="length">Bytes it must become, held against <see cref="MostExpansion"/> before.</param>
    /// <returns>The bytes.</returns>
    /// <exception cref="InvalidDataException">It is damaged, or becomes another number of bytes.</exception>
    public static byte[] Unpack(ReadOnlySpan<byte> block, int length)
    {
        var from = new ThriftReader(block);
        var stated = from.Varint();
        if (stated != (ulong)length)
        {
            throw new InvalidDataException($"a compressed page of {stated} bytes where {length} are promised");
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
                    throw new InvalidDataException("a compressed page that becomes longer than promised");
                }

                literal.CopyTo(to.AsSpan(done));
                done += literal.Length;
            }
            else
            {
                done += Copy(ref from, tag, to, done);
            }
        }

        return done == length ? to : throw new InvalidDataException("a compressed page that becomes shorter than promised");
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
            throw new InvalidDataException("a compressed page that copies from outside itself");
        }

        // A copy may run into what it writes, which then repeats.
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
