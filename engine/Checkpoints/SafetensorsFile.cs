using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;
using Microsoft.Win32.SafeHandles;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>
/// A safetensors file open for reading (github.com/huggingface/safetensors). The whole header is validated before anything is
/// allocated for the data; tensors are read one at a time. Not thread-safe after disposal.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int ChunkBytes = 1 << 18;

    private readonly SafeFileHandle _file;
    private readonly SafetensorsHeader _header;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsFile(string path, SafeFileHandle file, SafetensorsHeader header)
    {
        (Path, _file, _header) = (path, file, header);
        _byName = header.Entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>The tensors in the header's order.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => _header.Entries;

    /// <summary>The header's free text.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>A tensor's entry by its name.</summary>
    /// <param name="name">Name in the file.</param>
    /// <exception cref="LdaeException">Data: the file has no such tensor.</exception>
    public SafetensorsEntry this[string name] => _byName.TryGetValue(name, out var entry)
        ? entry
        : throw new LdaeException(
            ErrorKind.Data,
            $"{Path} has no tensor '{name}' among its {Entries.Count}.",
            "Give a file of the kind this command reads; 'ldae inspect' lists what a file holds.");

    /// <summary>Opens a file and validates its header.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The open file; dispose it.</returns>
    /// <exception cref="LdaeException">Data: missing, unreadable or damaged; the message names the file, the tensor and the figures.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            if (InputFile.IsEmpty(path))
            {
                throw SafetensorsHeader.TooShort(path, 0);
            }

            file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return new SafetensorsFile(path, file, SafetensorsHeader.Read(path, file));
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                throw new LdaeException(ErrorKind.Data, $"{path} cannot be read: {e.Message}", "Give the path of a readable .safetensors file.", e);
            }

            throw;
        }
    }

    /// <summary>Whether the file has a tensor.</summary>
    /// <param name="name">Name in the file.</param>
    /// <returns>True if it has.</returns>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>Reads a tensor of any element type as float32; wider types are rounded to nearest.</summary>
    /// <param name="name">Name in the file.</param>
    /// <returns>The elements in row-major order.</returns>
    public float[] ReadFloats(string name)
    {
        var values = new float[ArrayLength(this[name])];
        ReadFloats(name, values);
        return values;
    }

    /// <summary>Reads a tensor of any element type as float32 into memory the caller has.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="destination">Exactly as many elements as the tensor.</param>
    public void ReadFloats(string name, Span<float> destination)
    {
        var entry = Expect(name, destination.Length);
        if (entry.DType == SafetensorsDType.F32 && BitConverter.IsLittleEndian)
        {
            const int piece = 1 << 20;
            for (var start = 0; start < destination.Length; start += piece)
            {
                var part = destination.Slice(start, Math.Min(piece, destination.Length - start));
                ReadRange(entry, 4L * start, MemoryMarshal.AsBytes(part));
            }

            return;
        }

        foreach (var (start, bytes) in Chunks(entry))
        {
            SafetensorsElements.ToFloats(entry.DType, bytes.Span, destination[start..]);
        }
    }

    /// <summary>Reads a tensor of any element type as float64.</summary>
    /// <param name="name">Name in the file.</param>
    /// <returns>The elements in row-major order.</returns>
    public double[] ReadDoubles(string name)
    {
        var entry = this[name];
        var values = new double[ArrayLength(entry)];
        foreach (var (start, bytes) in Chunks(entry))
        {
            SafetensorsElements.ToDoubles(entry.DType, bytes.Span, values.AsSpan(start));
        }

        return values;
    }

    /// <summary>Reads a tensor of integers (I32, I64 or U8) as 32-bit integers.</summary>
    /// <param name="name">Name in the file.</param>
    /// <returns>The elements in row-major order.</returns>
    /// <exception cref="LdaeException">Data: the tensor holds reals, or a value that 32 bits do not.</exception>
    public int[] ReadInt32(string name)
    {
        var entry = this[name];
        if (entry.DType is not (SafetensorsDType.I32 or SafetensorsDType.I64 or SafetensorsDType.U8))
        {
            throw SafetensorsHeader.Bad(Path, $"tensor '{name}' has dtype {entry.DType}, where I32, I64 or U8 is needed");
        }

        var values = new int[ArrayLength(entry)];
        foreach (var (start, bytes) in Chunks(entry))
        {
            if (SafetensorsElements.ToInt32(entry.DType, bytes.Span, values.AsSpan(start)) is { } tooLarge)
            {
                throw SafetensorsHeader.Bad(Path, $"tensor '{name}' holds {tooLarge}, which 32 bits do not");
            }
        }

        return values;
    }

    /// <summary>Reads a part of a tensor's bytes as they are in the file (little-endian).</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="offset">First byte, counted from the tensor's start.</param>
    /// <param name="destination">Is filled.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the tensor.</exception>
    public void ReadBytes(string name, long offset, Span<byte> destination)
    {
        var entry = this[name];
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, entry.ByteCount - destination.Length);
        ReadRange(entry, offset, destination);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Fills a span from a place in a file.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="destination">Is filled.</param>
    /// <param name="position">First byte.</param>
    /// <returns>False if the file ended first.</returns>
    internal static bool ReadFully(SafeFileHandle file, Span<byte> destination, long position)
    {
        while (!destination.IsEmpty)
        {
            var read = RandomAccess.Read(file, destination, position);
            if (read == 0)
            {
                return false;
            }

            destination = destination[read..];
            position += read;
        }

        return true;
    }

    private SafetensorsEntry Expect(string name, int length)
    {
        var entry = this[name];
        return entry.Count == length
            ? entry
            : throw SafetensorsHeader.Bad(
                Path, $"tensor '{name}' of shape [{string.Join(", ", entry.Shape)}] has {entry.Count} elements, where {length} are needed");
    }

    private int ArrayLength(SafetensorsEntry entry) => entry.Count <= Array.MaxLength
        ? (int)entry.Count
        : throw SafetensorsHeader.Bad(Path, $"tensor '{entry.Name}' has {entry.Count} elements, more than one array holds ({Array.MaxLength})");

    private IEnumerable<(int Start, ReadOnlyMemory<byte> Bytes)> Chunks(SafetensorsEntry entry)
    {
        var size = SafetensorsEntry.Size(entry.DType);
        var buffer = new byte[(int)Math.Min(ChunkBytes, entry.ByteCount)];
        for (var offset = 0L; offset < entry.ByteCount; offset += buffer.Length)
        {
            var length = (int)Math.Min(buffer.Length, entry.ByteCount - offset);
            ReadRange(entry, offset, buffer.AsSpan(0, length));
            yield return ((int)(offset / size), buffer.AsMemory(0, length));
        }
    }

    private void ReadRange(SafetensorsEntry entry, long offset, Span<byte> destination)
    {
        try
        {
            if (ReadFully(_file, destination, _header.DataStart + entry.Begin + offset))
            {
                return;
            }
        }
        catch (IOException e)
        {
            throw SafetensorsHeader.Bad(Path, $"tensor '{entry.Name}' cannot be read ({e.Message.TrimEnd('.')})", e);
        }

        throw SafetensorsHeader.Bad(Path, $"the file ended inside tensor '{entry.Name}' (it was shortened after it was opened)");
    }
}
