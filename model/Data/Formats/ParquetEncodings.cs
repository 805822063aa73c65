using System.Buffers.Binary;

namespace LDaeCore.Model.Data.Formats;

/// <summary>Parquet's encodings of values: plain, runs, differences.</summary>
internal static class ParquetEncodings
{
    /// <summary>Parquet's numbers of the supported encodings.</summary>
    public const int Plain = 0, PlainDictionary = 2, DeltaNumbers = 5, DeltaLengths = 6, RunsOfDictionary = 8;

    /// <summary>Reads numbers in runs of one value and groups of eight packed ones.</summary>
    /// <param name="bytes">The runs.</param>
    /// <param name="width">Bits of a number, 0 to 32.</param>
    /// <param name="to">Filled.</param>
    /// <exception cref="InvalidDataException">There are too few.</exception>
    public static void Runs(ReadOnlySpan<byte> bytes, int width, Span<int> to)
    {
        if (width is < 0 or > 32)
        {
            throw new InvalidDataException($"numbers of {width} bits");
        }

        // Numbers of 0 bits are all zero, and some writers omit their runs.
        to.Clear();
        var reader = new ThriftReader(bytes);
        while (to.Length > 0 && width > 0)
        {
            var head = reader.Varint();
            if ((head & 1) == 0)
            {
                var value = 0;
                var stored = reader.Take((ulong)(width + 7) / 8);
                for (var i = 0; i < stored.Length; i++)
                {
                    value |= stored[i] << (8 * i);
                }

                var run = (int)Math.Min(head >> 1, (ulong)to.Length);
                to[..run].Fill(value);
                to = to[run..];
            }
            else
            {
                // The last group may end after the last number.
                var numbers = (int)Math.Min(head >> 1, ((ulong)to.Length + 7) / 8) * 8;
                var needed = Math.Min(numbers, to.Length);
                var packed = reader.Take(Math.Min((ulong)numbers * (ulong)width / 8, (ulong)Math.Max(reader.Left, (((long)needed * width) + 7) / 8)));
                for (var i = 0; i < needed; i++)
                {
                    to[i] = (int)Bits(packed, (long)i * width, width);
                }

                to = to[needed..];
            }
        }
    }

    /// <summary>Reads whole numbers in delta encoding: blocks of a smallest difference and packed remainders.</summary>
    /// <param name="bytes">The blocks.</param>
    /// <param name="count">Expected number of values.</param>
    /// <param name="used">Bytes that they occupy.</param>
    /// <returns>The numbers.</returns>
    /// <exception cref="InvalidDataException">They are damaged, or there are more or fewer.</exception>
    public static long[] Differences(ReadOnlySpan<byte> bytes, int count, out int used)
    {
        var reader = new ThriftReader(bytes);
        var (block, minis, total) = (reader.Varint(), reader.Varint(), reader.Varint());
        var value = ThriftReader.Zigzag(reader.Varint());
        if (total != (ulong)count || minis is 0 or > 1 << 16 || block > 1 << 20 || block % (minis * 8) != 0 || block == 0)
        {
            throw new InvalidDataException($"{total} differences in blocks of {block} by {minis}, but the header says {count} numbers");
        }

        var (values, each) = (new long[count], (int)(block / minis));
        for (var at = 0; at < count;)
        {
            if (at == 0)
            {
                values[at++] = value;
                continue;
            }

            var least = ThriftReader.Zigzag(reader.Varint());
            foreach (var width in reader.Take(minis))
            {
                // Parts after the last number have a width and no bytes.
                var numbers = Math.Min(each, count - at);
                if (numbers == 0)
                {
                    break;
                }

                var packed = width <= 64 ? reader.Take((ulong)each * width / 8) : throw new InvalidDataException($"numbers of {width} bits");
                for (var i = 0; i < numbers; i++)
                {
                    value = unchecked(value + least + (long)Bits(packed, (long)i * width, width));
                    values[at++] = value;
                }
            }
        }

        used = bytes.Length - reader.Left;
        return values;
    }

    /// <summary>Reads byte strings, each after its length.</summary>
    public static void Strings(ReadOnlyMemory<byte> bytes, Span<ReadOnlyMemory<byte>> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            var length = bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span) : throw new InvalidDataException("a page with fewer values than its header says");
            if (length > bytes.Length - 4)
            {
                throw new InvalidDataException($"a value of {length} bytes where {bytes.Length - 4} are left");
            }

            to[i] = bytes.Slice(4, (int)length);
            bytes = bytes[(4 + (int)length)..];
        }
    }

    /// <summary>Reads byte strings after all their lengths.</summary>
    public static void StringsByLengths(ReadOnlyMemory<byte> bytes, Span<ReadOnlyMemory<byte>> to)
    {
        var lengths = Differences(bytes.Span, to.Length, out var used);
        bytes = bytes[used..];
        for (var i = 0; i < to.Length; i++)
        {
            if (lengths[i] < 0 || lengths[i] > bytes.Length)
            {
                throw new InvalidDataException($"a value of {lengths[i]} bytes where {bytes.Length} are left");
            }

            to[i] = bytes[..(int)lengths[i]];
            bytes = bytes[(int)lengths[i]..];
        }
    }

    /// <summary>Reads whole numbers of four or eight bytes.</summary>
    public static void Numbers(ReadOnlySpan<byte> bytes, bool isLong, Span<long> to)
    {
        var size = isLong ? 8 : 4;
        if (bytes.Length / size < to.Length)
        {
            throw new InvalidDataException("a page with fewer values than its header says");
        }

        for (var i = 0; i < to.Length; i++)
        {
            var value = bytes.Slice(i * size, size);
            to[i] = isLong ? BinaryPrimitives.ReadInt64LittleEndian(value) : BinaryPrimitives.ReadInt32LittleEndian(value);
        }
    }

    /// <summary>A number from packed bits, its lowest bit first.</summary>
    private static ulong Bits(ReadOnlySpan<byte> packed, long first, int width)
    {
        var value = 0UL;
        for (var have = 0; have < width;)
        {
            var (at, skip) = ((int)((first + have) >> 3), (int)((first + have) & 7));
            value |= (ulong)(packed[at] >> skip) << have;
            have += 8 - skip;
        }

        return width == 64 ? value : value & ((1UL << width) - 1);
    }
}
