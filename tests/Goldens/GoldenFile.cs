using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace LDaeCore.Tests.Goldens;

/// <summary>
/// The tensors of a golden file, as doubles. A reader of its own, so that the goldens do not rest on code under test:
/// safetensors is eight bytes of header length, a JSON header, and the elements, little-endian.
/// </summary>
internal sealed class GoldenFile
{
    private const string Metadata = "__metadata__";
    private readonly Dictionary<string, (int[] Sizes, double[] Values)> _tensors = [];

    private GoldenFile(string name, ReadOnlySpan<byte> bytes)
    {
        Name = name;
        var length = bytes.Length < 8 ? long.MaxValue : BinaryPrimitives.ReadInt64LittleEndian(bytes);
        if (length < 2 || length > bytes.Length - 8)
        {
            throw new InvalidDataException($"{name}: the header's length does not fit a file of {bytes.Length} bytes.");
        }

        using var header = JsonDocument.Parse(bytes.Slice(8, (int)length).ToArray());
        var body = bytes[(8 + (int)length)..];
        foreach (var entry in header.RootElement.EnumerateObject().Where(e => e.Name != Metadata))
        {
            _tensors.Add(entry.Name, Tensor($"{name}: {entry.Name}", entry.Value, body));
        }
    }

    public string Name { get; }

    public IEnumerable<string> Names => _tensors.Keys;

    /// <summary>A file of goldens/data beside the test assembly.</summary>
    public static GoldenFile Open(string name) =>
        Parse(name, File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "goldens", "data", $"{name}.safetensors")));

    public static GoldenFile Parse(string name, ReadOnlySpan<byte> bytes) => new(name, bytes);

    public bool Has(string tensor) => _tensors.ContainsKey(tensor);

    /// <summary>A copy of the values.</summary>
    public double[] Values(string tensor) => [.. Find(tensor).Values];

    public int[] Sizes(string tensor) => [.. Find(tensor).Sizes];

    public double Constant(string name) => Find($"const.{name}").Values.Single();

    public int Size(string name) => checked((int)Constant(name));

    private static (int[] Sizes, double[] Values) Tensor(string what, JsonElement entry, ReadOnlySpan<byte> body)
    {
        var sizes = entry.GetProperty("shape").EnumerateArray().Select(s => s.GetInt32()).ToArray();
        var offsets = entry.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32()).ToArray();
        var type = entry.GetProperty("dtype").GetString();
        var size = type switch { "F64" or "I64" => 8, "F32" or "I32" => 4, _ => throw new InvalidDataException($"{what} has the type {type}.") };
        var count = sizes.Aggregate(1, (a, b) => checked(a * b));
        if (offsets is not [>= 0 and var first, var last] || last > body.Length || last - first != count * size)
        {
            throw new InvalidDataException($"{what} has no room for {count} elements of {size} bytes at [{string.Join(", ", offsets)}].");
        }

        var raw = body[first..last];
        return (sizes, type switch
        {
            "F64" => MemoryMarshal.Cast<byte, double>(raw).ToArray(),
            "I64" => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(raw).ToArray(), v => (double)v),
            "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(raw).ToArray(), v => (double)v),
            _ => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(raw).ToArray(), v => (double)v),
        });
    }

    private (int[] Sizes, double[] Values) Find(string tensor) =>
        _tensors.TryGetValue(tensor, out var found) ? found : throw new KeyNotFoundException($"{Name} has no tensor {tensor}.");
}
