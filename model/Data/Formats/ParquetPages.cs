using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;

namespace LDaeCore.Model.Data.Formats;

/// <summary>Reads the pages of a column chunk. Sizes are compared with the bytes present before anything is allocated.</summary>
internal static class ParquetPages
{
    /// <summary>Most decompressed bytes of a column chunk.</summary>
    public const long MostUnpacked = 1L << 30;

    private const int Stored = 0, Snappy = 1, Gzip = 2;

    /// <summary>Largest compression ratio of deflate.</summary>
    private const int MostDeflated = 1032;

    private static readonly string[] Codecs = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"];

    private delegate void Reader<T>(ReadOnlyMemory<byte> bytes, int encoding, Span<T> to);

    /// <summary>Reads byte strings.</summary>
    /// <param name="chunk">The column's bytes of a row group.</param>
    /// <param name="column">The column.</param>
    /// <param name="codec">Parquet's number of its compression.</param>
    /// <param name="rows">Rows of the row group.</param>
    /// <returns>A string a row; empty where there is none.</returns>
    /// <exception cref="InvalidDataException">The pages are damaged, or in an unsupported encoding.</exception>
    public static ReadOnlyMemory<byte>[] Strings(ReadOnlyMemory<byte> chunk, ParquetColumn column, int codec, int rows) => Read<ReadOnlyMemory<byte>>(
        chunk, column, codec, rows, default, (bytes, encoding, to) =>
        {
            switch (encoding)
            {
                case ParquetEncodings.Plain:
                    ParquetEncodings.Strings(bytes, to);
                    break;
                case ParquetEncodings.DeltaLengths:
                    ParquetEncodings.StringsByLengths(bytes, to);
                    break;
                default:
                    throw Unread($"encoding {encoding} of column {column.Name}");
            }
        });

    /// <summary>Reads whole numbers.</summary>
    /// <param name="chunk">The column's bytes of a row group.</param>
    /// <param name="column">The column.</param>
    /// <param name="codec">Parquet's number of its compression.</param>
    /// <param name="rows">Rows of the row group.</param>
    /// <returns>A number a row; -1 where there is none.</returns>
    /// <exception cref="InvalidDataException">The pages are damaged, or in an unsupported encoding.</exception>
    public static long[] Numbers(ReadOnlyMemory<byte> chunk, ParquetColumn column, int codec, int rows) => Read<long>(
        chunk, column, codec, rows, -1, (bytes, encoding, to) =>
        {
            switch (encoding)
            {
                case ParquetEncodings.Plain:
                    ParquetEncodings.Numbers(bytes.Span, column.Type == ParquetColumn.Int64, to);
                    break;
                case ParquetEncodings.DeltaNumbers:
                    ParquetEncodings.Differences(bytes.Span, to.Length, out _).CopyTo(to);
                    break;
                default:
                    throw Unread($"encoding {encoding} of column {column.Name}");
            }
        });

    private static T[] Read<T>(ReadOnlyMemory<byte> chunk, ParquetColumn column, int codec, int rows, T missing, Reader<T> read)
    {
        var (values, dictionary, filled, unpacked) = (new T[rows], (T[]?)null, 0, 0L);
        while (filled < rows)
        {
            var reader = new ThriftReader(chunk.Span);
            var page = ParquetPage.Read(ref reader);
            chunk = chunk[^reader.Left..];
            unpacked += page.Unpacked;
            if (page.Packed > chunk.Length || unpacked > MostUnpacked)
            {
                throw new InvalidDataException(
                    $"a page of {page.Packed} bytes that decompress to {page.Unpacked}, but {chunk.Length} are left and a row group may have {MostUnpacked}");
            }

            var content = chunk[..page.Packed];
            chunk = chunk[page.Packed..];
            switch (page.Kind)
            {
                case ParquetPage.Dictionary when dictionary is null:
                    // No value takes less than four bytes.
                    var plain = Unpack(content, codec, page.Unpacked);
                    dictionary = new T[
                        page.Values <= plain.Length / 4 ? page.Values : throw new InvalidDataException($"a dictionary of {page.Values} values in {plain.Length} bytes")];
                    read(plain, ParquetEncodings.Plain, dictionary);
                    break;
                case ParquetPage.Data or ParquetPage.DataV2 when page.Values <= rows - filled:
                    Fill(page, content, column, codec, values.AsSpan(filled, page.Values), dictionary, missing, read);
                    filled += page.Values;
                    break;
                case ParquetPage.Data or ParquetPage.DataV2 or ParquetPage.Dictionary:
                    throw new InvalidDataException("more values than rows, or a second dictionary");
            }
        }

        return values;
    }

    private static void Fill<T>(
        ParquetPage page, ReadOnlyMemory<byte> content, ParquetColumn column, int codec, Span<T> to, T[]? dictionary, T missing, Reader<T> read)
    {
        var (levels, body) = Parts(page, content, column, codec);
        if (levels is not { } present)
        {
            Values(page.Encoding, body, to, dictionary, read);
            return;
        }

        var there = new int[to.Length];
        ParquetEncodings.Runs(present.Span, BitOperations.Log2((uint)column.Optional) + 1, there);
        var values = new T[there.AsSpan().Count(column.Optional)];
        Values(page.Encoding, body, values, dictionary, read);
        var next = 0;
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = there[i] == column.Optional ? values[next++] : missing;
        }
    }

    /// <summary>The definition levels, for an optional column, and the values.</summary>
    private static (ReadOnlyMemory<byte>? Levels, ReadOnlyMemory<byte> Body) Parts(ParquetPage page, ReadOnlyMemory<byte> content, ParquetColumn column, int codec)
    {
        if (page.Kind == ParquetPage.DataV2)
        {
            var before = (long)page.Levels + page.Repetitions;
            if (before > Math.Min(content.Length, page.Unpacked))
            {
                throw new InvalidDataException($"{before} bytes of levels in a page of {content.Length}");
            }

            var body = content[(int)before..];
            return (
                column.Optional > 0 ? (ReadOnlyMemory<byte>?)content.Slice(page.Repetitions, page.Levels) : null,
                page.IsPacked ? Unpack(body, codec, page.Unpacked - (int)before) : body);
        }

        var whole = Unpack(content, codec, page.Unpacked);
        if (column.Optional == 0)
        {
            return (null, whole);
        }

        if (page.LevelEncoding != ParquetPage.RunLength)
        {
            throw new InvalidDataException("definition levels in an obsolete encoding");
        }

        var length = whole.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(whole.Span) : uint.MaxValue;
        return length <= whole.Length - 4
            ? (whole.Slice(4, (int)length), whole[(4 + (int)length)..])
            : throw new InvalidDataException($"{length} bytes of levels in a page of {whole.Length}");
    }

    private static void Values<T>(int encoding, ReadOnlyMemory<byte> body, Span<T> to, T[]? dictionary, Reader<T> read)
    {
        if (encoding is not (ParquetEncodings.PlainDictionary or ParquetEncodings.RunsOfDictionary))
        {
            read(body, encoding, to);
            return;
        }

        if (to.Length == 0)
        {
            return;
        }

        if (dictionary is null || body.IsEmpty)
        {
            throw new InvalidDataException("a page that refers to a missing dictionary");
        }

        var places = new int[to.Length];
        ParquetEncodings.Runs(body.Span[1..], body.Span[0], places);
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = (uint)places[i] < dictionary.Length ? dictionary[places[i]] : throw new InvalidDataException($"value {(uint)places[i]} of a dictionary of {dictionary.Length}");
        }
    }

    private static ReadOnlyMemory<byte> Unpack(ReadOnlyMemory<byte> packed, int codec, int length)
    {
        var most = codec switch
        {
            Stored => packed.Length,
            Snappy => ((long)packed.Length * SnappyBlock.MostExpansion) + 64,
            Gzip => ((long)packed.Length * MostDeflated) + 64,
            _ => throw Unread($"compression {(codec >= 0 && codec < Codecs.Length ? Codecs[codec] : codec)}"),
        };
        if (length > most || (codec == Stored && length != most))
        {
            throw new InvalidDataException($"a page of {packed.Length} bytes that decompress to {length}");
        }

        return codec switch
        {
            Stored => packed,
            Snappy => SnappyBlock.Unpack(packed.Span, length),
            _ => Inflate(packed, length),
        };
    }

    private static byte[] Inflate(ReadOnlyMemory<byte> packed, int length)
    {
        using var from = new GZipStream(new MemoryStream(packed.ToArray()), CompressionMode.Decompress);
        var to = GC.AllocateUninitializedArray<byte>(length);
        try
        {
            from.ReadExactly(to);
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException("a compressed page that is shorter than its header says", e);
        }

        return from.ReadByte() < 0 ? to : throw new InvalidDataException("a compressed page that is longer than its header says");
    }

    private static InvalidDataException Unread(string what) => new($"{what}, which is not supported: write it again with PyArrow's defaults (plain or dictionary pages, snappy)");
}

/// <summary>The header of a page.</summary>
internal struct ParquetPage
{
    /// <summary>Parquet's page types.</summary>
    public const int Data = 0, Dictionary = 2, DataV2 = 3;

    /// <summary>Parquet's number of the current encoding of levels.</summary>
    public const int RunLength = 3;

    public int Kind, Unpacked, Packed, Values, Encoding, LevelEncoding, Levels, Repetitions;
    public bool IsPacked;

    /// <summary>Reads a header.</summary>
    /// <param name="reader">At its start.</param>
    /// <returns>The header; its sizes are not negative.</returns>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static ParquetPage Read(ref ThriftReader reader)
    {
        var page = new ParquetPage { Kind = -1, IsPacked = true };
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 1:
                    page.Kind = reader.Int32(type);
                    break;
                case 2:
                    page.Unpacked = reader.Int32(type);
                    break;
                case 3:
                    page.Packed = reader.Int32(type);
                    break;
                case 5 or 7 or 8 when type == ThriftType.Struct:
                    page.ReadInner(ref reader, field == 8);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        return page.Unpacked >= 0 && page.Packed >= 0 && page.Values >= 0 && page.Levels >= 0 && page.Repetitions >= 0
            ? page
            : throw new InvalidDataException("a page of negative size");
    }

    /// <summary>Headers of dictionaries and of both versions of data pages start alike.</summary>
    private void ReadInner(ref ThriftReader reader, bool second)
    {
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 1:
                    Values = reader.Int32(type);
                    break;
                case 2 when !second:
                case 4 when second:
                    Encoding = reader.Int32(type);
                    break;
                case 3 when !second && type == ThriftType.Int32:
                    // A dictionary's third field is a boolean.
                    LevelEncoding = reader.Int32(type);
                    break;
                case 5 when second:
                    Levels = reader.Int32(type);
                    break;
                case 6 when second:
                    Repetitions = reader.Int32(type);
                    break;
                case 7 when second:
                    IsPacked = type == ThriftType.True;
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
    }
}
