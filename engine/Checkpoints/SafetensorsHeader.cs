using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>
/// The header of a safetensors file: eight bytes of length (little-endian), then a JSON object of that length, then the data.
/// Every length is compared with the file's before it is used, so that a damaged or hostile file costs no memory.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Longest header accepted, the limit of the format's own library.</summary>
    public const long MaxLength = 100_000_000;

    /// <summary>Name under which the header keeps its free text.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>Deepest nesting the format has: file, tensor, shape.</summary>
    private const int MaxDepth = 3;

    private readonly string _path;
    private readonly long _dataLength;
    private readonly List<SafetensorsEntry> _entries = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string path, long dataStart, long dataLength) =>
        (_path, DataStart, _dataLength) = (path, dataStart, dataLength);

    /// <summary>Place of the data section's first byte in the file.</summary>
    public long DataStart { get; }

    /// <summary>The tensors in the header's order.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => _entries;

    /// <summary>The header's free text.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The error of every violation: bad input data, with a remedy.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What is wrong, with the figures.</param>
    /// <param name="inner">The cause, when there is one.</param>
    /// <returns>The exception to throw.</returns>
    public static LdaeException Bad(string path, string what, Exception? inner = null) => new(
        ErrorKind.Data, $"{path}: {what}.", "Use an undamaged .safetensors file: copy or write it again.", inner);

    /// <summary>The error of a file without room for the header's length.</summary>
    public static LdaeException TooShort(string path, long length) => Bad(path, $"a safetensors file has at least 8 bytes, this one has {length}");

    /// <summary>Reads and checks the header.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="file">The open file.</param>
    /// <returns>The header.</returns>
    public static SafetensorsHeader Read(string path, Microsoft.Win32.SafeHandles.SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[8];
        if (length < 8 || !SafetensorsFile.ReadFully(file, prefix, 0))
        {
            throw TooShort(path, length);
        }

        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > MaxLength)
        {
            throw Bad(path, $"the header claims {headerLength} bytes, more than the {MaxLength} allowed (is this a safetensors file?)");
        }

        if ((long)headerLength > length - 8)
        {
            throw Bad(path, $"the header claims {headerLength} bytes, but only {length - 8} follow its length");
        }

        var bytes = new byte[headerLength];
        if (!SafetensorsFile.ReadFully(file, bytes, 8))
        {
            throw Bad(path, $"the file ended inside its header of {headerLength} bytes");
        }

        var header = new SafetensorsHeader(path, 8 + (long)headerLength, length - 8 - (long)headerLength);
        header.Parse(bytes);
        header.CheckCoverage();
        return header;
    }

    private void Parse(byte[] bytes)
    {
        if (!Utf8.IsValid(bytes))
        {
            throw Bad(_path, "the header is not valid UTF-8");
        }

        try
        {
            using var document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Bad(_path, $"the header is a JSON {document.RootElement.ValueKind}, not an object");
            }

            foreach (var property in document.RootElement.EnumerateObject())
            {
                Add(property.Name, property.Value);
            }
        }
        catch (JsonException e)
        {
            throw Bad(_path, $"the header is not well-formed JSON at most {MaxDepth} deep ({e.Message.TrimEnd('.')})", e);
        }
        catch (InvalidOperationException e)
        {
            // An escaped half of a surrogate pair is well-formed JSON, but no text.
            throw Bad(_path, "a string of the header is not valid Unicode", e);
        }
    }

    private void Add(string name, JsonElement value)
    {
        if (!_names.Add(name))
        {
            throw Bad(_path, $"the header names '{name}' twice");
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Bad(_path, $"'{name}' is a JSON {value.ValueKind}, not an object");
        }

        if (name == MetadataKey)
        {
            AddMetadata(value);
        }
        else
        {
            _entries.Add(Entry(name, value));
        }
    }

    private void AddMetadata(JsonElement value)
    {
        foreach (var pair in value.EnumerateObject())
        {
            if (pair.Value.ValueKind != JsonValueKind.String)
            {
                throw Bad(_path, $"metadata '{pair.Name}' is a JSON {pair.Value.ValueKind}, not a string");
            }

            if (!_metadata.TryAdd(pair.Name, pair.Value.GetString()!))
            {
                throw Bad(_path, $"the metadata names '{pair.Name}' twice");
            }
        }
    }

    private SafetensorsEntry Entry(string name, JsonElement value)
    {
        JsonElement? type = null, shape = null, offsets = null;
        foreach (var field in value.EnumerateObject())
        {
            ref var slot = ref type;
            switch (field.Name)
            {
                case "dtype": break;
                case "shape": slot = ref shape; break;
                case "data_offsets": slot = ref offsets; break;
                default: throw Bad(_path, $"tensor '{name}' has an unknown field '{field.Name}'");
            }

            if (slot is not null)
            {
                throw Bad(_path, $"tensor '{name}' gives '{field.Name}' twice");
            }

            slot = field.Value;
        }

        var dtype = Type(name, type);
        var sizes = Integers(name, "shape", shape);
        var range = Integers(name, "data_offsets", offsets);
        if (range.Length != 2)
        {
            throw Bad(_path, $"tensor '{name}' has {range.Length} data_offsets, not 2");
        }

        CheckBytes(name, dtype, sizes, range[0], range[1]);
        return new SafetensorsEntry(name, dtype, sizes, range[0], range[1]);
    }

    private SafetensorsDType Type(string name, JsonElement? value)
    {
        var text = value is { ValueKind: JsonValueKind.String } ? value.Value.GetString() : null;
        foreach (var dtype in Enum.GetValues<SafetensorsDType>())
        {
            if (dtype.ToString() == text)
            {
                return dtype;
            }
        }

        var known = string.Join(", ", Enum.GetNames<SafetensorsDType>());
        throw Bad(_path, $"tensor '{name}' has dtype '{text ?? "none"}'; known are {known}");
    }

    private long[] Integers(string name, string field, JsonElement? value)
    {
        if (value is not { ValueKind: JsonValueKind.Array } array)
        {
            throw Bad(_path, $"tensor '{name}' has no list '{field}'");
        }

        var numbers = new long[array.GetArrayLength()];
        var i = 0;
        foreach (var item in array.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out numbers[i]) || numbers[i] < 0)
            {
                throw Bad(_path, $"tensor '{name}' has {item.GetRawText()} in '{field}', where only whole numbers from 0 to {long.MaxValue} stand");
            }

            i++;
        }

        return numbers;
    }

    private void CheckBytes(string name, SafetensorsDType dtype, long[] shape, long begin, long end)
    {
        var needed = (Int128)SafetensorsEntry.Size(dtype);
        foreach (var size in shape)
        {
            needed *= size;
            if (needed > long.MaxValue)
            {
                throw Bad(_path, $"tensor '{name}' of shape [{string.Join(", ", shape)}] has more bytes than 64 bits count");
            }
        }

        if (begin > end || end > _dataLength)
        {
            throw Bad(_path, $"tensor '{name}' lies at bytes {begin} to {end} of a data section of {_dataLength}");
        }

        if (needed != end - begin)
        {
            var described = $"tensor '{name}' ({dtype}, shape [{string.Join(", ", shape)}])";
            throw Bad(_path, $"{described} needs {needed} bytes, but its range {begin} to {end} has {end - begin}");
        }
    }

    /// <summary>The tensors must tile the data section: no overlap, no gap, nothing after the last.</summary>
    private void CheckCoverage()
    {
        var reached = 0L;
        var previous = "the start";
        foreach (var entry in _entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != reached)
            {
                var fault = entry.Begin < reached ? "overlap" : "leave a hole between them";
                throw Bad(_path, $"tensor '{entry.Name}' begins at byte {entry.Begin}, but {previous} ends at {reached}: they {fault}");
            }

            (reached, previous) = (entry.End, $"tensor '{entry.Name}'");
        }

        if (reached != _dataLength)
        {
            throw Bad(_path, $"the tensors cover {reached} bytes of a data section of {_dataLength}");
        }
    }
}

/// <summary>One tensor of a safetensors file, as its validated header states it.</summary>
/// <param name="Name">Name, unique in the file.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Sizes, row-major; empty for a scalar.</param>
/// <param name="Begin">First byte, counted from the start of the data section.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDType DType, IReadOnlyList<long> Shape, long Begin, long End)
{
    /// <summary>Length in bytes.</summary>
    public long ByteCount => End - Begin;

    /// <summary>Number of elements.</summary>
    public long Count => ByteCount / Size(DType);

    /// <summary>Bytes of one element.</summary>
    /// <param name="dtype">The element type.</param>
    /// <returns>1, 2, 4 or 8.</returns>
    public static int Size(SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.F64 or SafetensorsDType.I64 => 8,
        SafetensorsDType.F32 or SafetensorsDType.I32 => 4,
        SafetensorsDType.F16 or SafetensorsDType.BF16 => 2,
        _ => 1,
    };
}

/// <summary>Element types of a safetensors file that this engine reads; the member's name is the name in the file.</summary>
public enum SafetensorsDType
{
    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>IEEE half (read only).</summary>
    F16,

    /// <summary>bfloat16 (read only).</summary>
    BF16,

    /// <summary>64-bit integer (read only).</summary>
    I64,

    /// <summary>32-bit integer.</summary>
    I32,

    /// <summary>Unsigned byte.</summary>
    U8,
}
