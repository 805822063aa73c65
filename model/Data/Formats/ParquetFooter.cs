using System.Text;
using System.Text.Json;

namespace LDaeCore.Model.Data.Formats;

/// <summary>The footer of a Parquet file: the columns of images and classes, and their offsets in the row groups.</summary>
internal sealed class ParquetFooter
{
    /// <summary>Longest footer that is read; a row group takes some hundred bytes.</summary>
    public const int MostBytes = 1 << 26;

    private const int MostColumns = 10_000, MostDepth = 64, TailBytes = 8;
    private static readonly string[] ImageNames = ["image", "img"];
    private static readonly string[] LabelNames = ["label", "labels", "fine_label"];

    private ParquetFooter(ReadOnlySpan<byte> footer, long fileLength)
    {
        var (columns, metadata) = ((List<ParquetColumn>?)null, (string?)null);
        var reader = new ThriftReader(footer);
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 2:
                    columns = Schema(ref reader, type);
                    break;
                case 5:
                    metadata = HuggingFace(ref reader, type);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        (Images, Labels) = Choose(columns ?? throw new InvalidDataException("no schema"));
        ClassNames = Labels is null || metadata is null ? null : Names(metadata, Labels.Name);
        RowGroups = Groups(footer, fileLength);
    }

    /// <summary>The column of encoded images.</summary>
    public ParquetColumn Images { get; }

    /// <summary>The column of classes; null where there is none.</summary>
    public ParquetColumn? Labels { get; }

    /// <summary>Names of the classes in Hugging Face's metadata; null where there are none.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>The row groups in their order.</summary>
    public IReadOnlyList<ParquetRowGroup> RowGroups { get; }

    /// <summary>Reads a file's footer.</summary>
    /// <param name="file">The file.</param>
    /// <returns>The footer.</returns>
    /// <exception cref="InvalidDataException">It is missing or damaged, or the file has no images.</exception>
    public static ParquetFooter Read(ShardFile file)
    {
        if (file.Length < 4 + TailBytes)
        {
            throw new InvalidDataException($"{file.Length} bytes are not a Parquet file");
        }

        var tail = file.Read(file.Length - TailBytes, TailBytes);
        if (tail.AsSpan(4).SequenceEqual("PARE"u8))
        {
            throw new InvalidDataException("an encrypted Parquet file");
        }

        if (!tail.AsSpan(4).SequenceEqual("PAR1"u8) || !file.Read(0, 4).AsSpan().SequenceEqual("PAR1"u8))
        {
            throw new InvalidDataException("no Parquet file, or one that was cut short: it does not start and end with PAR1");
        }

        var length = BitConverter.ToUInt32(tail);
        return length <= Math.Min(file.Length - 4 - TailBytes, MostBytes)
            ? new ParquetFooter(file.Read(file.Length - TailBytes - length, (int)length), file.Length)
            : throw new InvalidDataException($"a footer of {length} bytes in a file of {file.Length}");
    }

    /// <summary>The leaves of the tree of columns, which is stored in preorder.</summary>
    private static List<ParquetColumn> Schema(ref ThriftReader reader, ThriftType list)
    {
        var count = reader.List(list, out _);
        if (count > MostColumns)
        {
            throw new InvalidDataException($"{count} columns, more than the {MostColumns} that are supported");
        }

        var columns = new List<ParquetColumn>();
        var above = new Stack<(string Prefix, int Optional, bool Repeated, int Left)>();
        for (var i = 0; i < count; i++)
        {
            var (name, type, repetition, children, isText) = Element(ref reader);
            if (i == 0)
            {
                above.Push(("", 0, false, children));
                continue;
            }

            while (above.TryPop(out var parent))
            {
                if (parent.Left <= 0)
                {
                    continue;
                }

                above.Push(parent with { Left = parent.Left - 1 });
                var (path, optional, repeated) = (parent.Prefix + name, parent.Optional + (repetition == 0 ? 0 : 1), parent.Repeated || repetition == 2);
                if (children == 0)
                {
                    columns.Add(new ParquetColumn(path, type, optional, repeated, isText));
                }
                else if (above.Count < MostDepth)
                {
                    above.Push((path + ".", optional, repeated, children));
                }
                else
                {
                    throw new InvalidDataException($"more than {MostDepth} nested columns");
                }

                break;
            }
        }

        return columns;
    }

    private static (string Name, int Type, int Repetition, int Children, bool IsText) Element(ref ThriftReader reader)
    {
        const int utf8 = 0;
        var (name, type, repetition, children, isText) = ("", -1, 0, 0, false);
        for (var field = 0; reader.Next(ref field, out var kind);)
        {
            switch (field)
            {
                case 1:
                    type = reader.Int32(kind);
                    break;
                case 3:
                    repetition = reader.Int32(kind);
                    break;
                case 4:
                    name = Encoding.UTF8.GetString(reader.Binary(kind));
                    break;
                case 5:
                    children = reader.Int32(kind);
                    break;
                case 6:
                    isText = reader.Int32(kind) == utf8;
                    break;
                default:
                    reader.Skip(kind);
                    break;
            }
        }

        return (name, type, repetition, children, isText);
    }

    /// <summary>Chooses the columns by name; else the only column of bytes and the only one of whole numbers.</summary>
    private static (ParquetColumn Images, ParquetColumn? Labels) Choose(List<ParquetColumn> columns)
    {
        static bool Holds(ParquetColumn column, params string[] names) =>
            names.Contains(column.Name, StringComparer.Ordinal) || names.Any(name => column.Name == name + ".bytes");
        static ParquetColumn? One(List<ParquetColumn> among, string[] names) =>
            names.Select(name => among.Find(column => Holds(column, name))).FirstOrDefault(found => found is not null) ?? (among.Count == 1 ? among[0] : null);
        var bytes = columns.FindAll(column => column is { Type: ParquetColumn.ByteArray, IsRepeated: false });
        var images = One(bytes, ImageNames)
            ?? One(bytes.FindAll(column => !column.IsText), [])
            ?? One(bytes.FindAll(column => column.Name.EndsWith(".bytes", StringComparison.Ordinal)), []);
        var labels = One(columns.FindAll(column => column is { Type: ParquetColumn.Int32 or ParquetColumn.Int64, IsRepeated: false }), LabelNames);
        return images is null
            ? throw new InvalidDataException(
                $"no column of images among {string.Join(", ", columns.Take(20).Select(column => column.Name))}: it must be called {string.Join(" or ", ImageNames)}, "
                    + "or be the only one of bytes")
            : labels is null && columns.Find(column => LabelNames.Contains(column.Name.Split('.')[0], StringComparer.Ordinal)) is { } unread

            // Without this error it would be a data set of one class.
            ? throw new InvalidDataException(
                $"its column {unread.Name} holds {(unread.IsRepeated ? "lists" : unread.IsText ? "text" : "no whole numbers")}, but a class is a number from 0")
            : (images, labels);
    }

    private static string? HuggingFace(ref ThriftReader reader, ThriftType list)
    {
        string? found = null;
        for (var left = reader.List(list, out _); left > 0; left--)
        {
            var isIt = false;
            for (var field = 0; reader.Next(ref field, out var type);)
            {
                if (field == 1)
                {
                    isIt = reader.Binary(type).SequenceEqual("huggingface"u8);
                }
                else if (field == 2 && isIt)
                {
                    found = Encoding.UTF8.GetString(reader.Binary(type));
                }
                else
                {
                    reader.Skip(type);
                }
            }
        }

        return found;
    }

    /// <summary>{"info": {"features": {COLUMN: {"names": [...]}}}}; other metadata have no names.</summary>
    private static string[]? Names(string metadata, string column)
    {
        try
        {
            using var json = JsonDocument.Parse(metadata);
            return json.RootElement.GetProperty("info").GetProperty("features").GetProperty(column).TryGetProperty("names", out var names) && names.GetArrayLength() > 0
                ? [.. names.EnumerateArray().Select(name => name.GetString() ?? "")]
                : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private List<ParquetRowGroup> Groups(ReadOnlySpan<byte> footer, long fileLength)
    {
        var groups = new List<ParquetRowGroup>();
        var reader = new ThriftReader(footer);
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            if (field != 4)
            {
                reader.Skip(type);
                continue;
            }

            for (var left = reader.List(type, out _); left > 0; left--)
            {
                groups.Add(Group(ref reader, fileLength));
            }
        }

        // With overlaps a small file could claim any number of images.
        return groups.Sum(group => (long)group.Images.Length + (group.Labels?.Length ?? 0)) <= fileLength
            ? groups
            : throw new InvalidDataException("row groups that overlap");
    }

    private ParquetRowGroup Group(ref ThriftReader reader, long fileLength)
    {
        var (rows, images, labels) = (-1L, (ParquetChunk?)null, (ParquetChunk?)null);
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 1:
                    for (var left = reader.List(type, out _); left > 0; left--)
                    {
                        var (name, chunk) = ParquetChunks.Read(ref reader, fileLength);
                        images = name == Images.Name ? chunk : images;
                        labels = name == Labels?.Name ? chunk : labels;
                    }

                    break;
                case 3:
                    rows = reader.Int64(type);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        if (images is not { } found || (Labels is not null && labels is null))
        {
            throw new InvalidDataException("a row group without the columns of the schema");
        }

        // An image has at least one byte.
        return rows >= 0 && rows <= found.Length ? new ParquetRowGroup((int)rows, found, labels) : throw new InvalidDataException($"{rows} images in {found.Length} bytes");
    }
}

/// <summary>A row group of a Parquet file.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Images">The column of encoded images.</param>
/// <param name="Labels">The column of classes; null where there is none.</param>
internal readonly record struct ParquetRowGroup(int Rows, ParquetChunk Images, ParquetChunk? Labels);

/// <summary>Reads the offsets of columns in a row group.</summary>
internal static class ParquetChunks
{
    /// <summary>Reads a column chunk.</summary>
    /// <param name="reader">At its start.</param>
    /// <param name="fileLength">Length of the file in bytes.</param>
    /// <returns>The column's name and chunk.</returns>
    /// <exception cref="InvalidDataException">It is damaged or outside the file.</exception>
    public static (string Name, ParquetChunk Chunk) Read(ref ThriftReader reader, long fileLength)
    {
        (string, ParquetChunk)? found = null;
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            if (field == 1 && !reader.Binary(type).IsEmpty)
            {
                throw new InvalidDataException("columns in another file");
            }

            if (field == 3 && type == ThriftType.Struct)
            {
                found = MetaData(ref reader, fileLength);
            }
            else if (field != 1)
            {
                reader.Skip(type);
            }
        }

        return found ?? throw new InvalidDataException("a column without a description");
    }

    private static (string Name, ParquetChunk Chunk) MetaData(ref ThriftReader reader, long fileLength)
    {
        var (name, codec, unpacked, length, pages, dictionary) = ("", -1, 0L, -1L, 0L, 0L);
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 3:
                    name = Path(ref reader, type);
                    break;
                case 4:
                    codec = reader.Int32(type);
                    break;
                case 6:
                    unpacked = reader.Int64(type);
                    break;
                case 7:
                    length = reader.Int64(type);
                    break;
                case 9:
                    pages = reader.Int64(type);
                    break;
                case 11:
                    dictionary = reader.Int64(type);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        // Some writers store 0 without a dictionary.
        var start = dictionary > 0 && dictionary < pages ? dictionary : pages;
        return start >= 4 && length >= 0 && length <= Array.MaxLength && start <= fileLength - length
            ? (name, new ParquetChunk(start, (int)length, unpacked, codec))
            : throw new InvalidDataException($"column {name}: {length} bytes from byte {start} are outside the file, or more than {Array.MaxLength}");
    }

    private static string Path(ref ThriftReader reader, ThriftType list)
    {
        var path = new StringBuilder();
        for (var left = reader.List(list, out var type); left > 0; left--)
        {
            path.Append(path.Length > 0 ? "." : "").Append(Encoding.UTF8.GetString(reader.Binary(type)));
        }

        return path.ToString();
    }
}

/// <summary>The part of a column in a row group.</summary>
/// <param name="Start">First byte in the file.</param>
/// <param name="Length">Bytes in the file.</param>
/// <param name="Unpacked">Decompressed bytes according to the file; not reliable.</param>
/// <param name="Codec">Parquet's number of its compression.</param>
internal readonly record struct ParquetChunk(long Start, int Length, long Unpacked, int Codec);

/// <summary>A column of a Parquet file.</summary>
/// <param name="Name">Its name, with those of the structs it is in: <c>image.bytes</c>.</param>
/// <param name="Type">Parquet's number of its type.</param>
/// <param name="Optional">Number of optional levels, its own and those of the structs around it: the definition level of a present value.</param>
/// <param name="IsRepeated">Whether it is in a list.</param>
/// <param name="IsText">Whether its bytes are declared as UTF-8.</param>
internal sealed record ParquetColumn(string Name, int Type, int Optional, bool IsRepeated, bool IsText = false)
{
    /// <summary>Parquet's numbers of the supported types.</summary>
    public const int Int32 = 1, Int64 = 2, ByteArray = 6;
}
