using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>
/// A tensor to be written: its bytes are produced when it is written, so that parameters go from their flat buffer
/// (or from a device, in pieces) directly to the file.
/// </summary>
/// <param name="name">Name in the file.</param>
/// <param name="dtype">F64, F32, I32 or U8.</param>
/// <param name="shape">Sizes, row-major; empty for a scalar.</param>
/// <param name="produce">Writes exactly the tensor's bytes, little-endian.</param>
public sealed class SafetensorsTensor(string name, SafetensorsDType dtype, IReadOnlyList<long> shape, Action<Stream> produce)
{
    /// <summary>Name in the file.</summary>
    public string Name { get; } = name;

    /// <summary>Element type.</summary>
    public SafetensorsDType DType { get; } = dtype is SafetensorsDType.F64 or SafetensorsDType.F32 or SafetensorsDType.I32 or SafetensorsDType.U8
        ? dtype
        : throw new ArgumentException($"{name}: {dtype} is read, but not written.", nameof(dtype));

    /// <summary>Sizes, row-major.</summary>
    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>Length in bytes.</summary>
    public long ByteCount { get; } = shape.Aggregate((long)SafetensorsEntry.Size(dtype), (bytes, size) =>
        size < 0 ? throw new ArgumentOutOfRangeException(nameof(shape)) : checked(bytes * size));

    /// <summary>A tensor whose float64 elements lie in managed memory.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="values">The elements; read when the file is written.</param>
    /// <param name="shape">Sizes.</param>
    /// <returns>The tensor to write.</returns>
    public static SafetensorsTensor F64(string name, ReadOnlyMemory<double> values, params long[] shape) =>
        new(name, SafetensorsDType.F64, shape, to => WriteAll(to, values.Span));

    /// <summary>A tensor whose float32 elements lie in managed memory.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="values">The elements; read when the file is written.</param>
    /// <param name="shape">Sizes.</param>
    /// <returns>The tensor to write.</returns>
    public static SafetensorsTensor F32(string name, ReadOnlyMemory<float> values, params long[] shape) =>
        new(name, SafetensorsDType.F32, shape, to => WriteAll(to, values.Span));

    /// <summary>A tensor whose 32-bit integers lie in managed memory.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="values">The elements; read when the file is written.</param>
    /// <param name="shape">Sizes.</param>
    /// <returns>The tensor to write.</returns>
    public static SafetensorsTensor I32(string name, ReadOnlyMemory<int> values, params long[] shape) =>
        new(name, SafetensorsDType.I32, shape, to => WriteAll(to, values.Span));

    /// <summary>A tensor whose bytes lie in managed memory.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="values">The elements; read when the file is written.</param>
    /// <param name="shape">Sizes.</param>
    /// <returns>The tensor to write.</returns>
    public static SafetensorsTensor U8(string name, ReadOnlyMemory<byte> values, params long[] shape) =>
        new(name, SafetensorsDType.U8, shape, to => to.Write(values.Span));

    /// <summary>Writes the bytes.</summary>
    /// <param name="to">Where to.</param>
    internal void WriteTo(Stream to) => produce(to);

    /// <summary>In pieces: a span of bytes ends at 2 GiB, an array of doubles does not.</summary>
    private static void WriteAll<T>(Stream to, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        const int piece = 1 << 20;
        for (; values.Length > piece; values = values[piece..])
        {
            to.Write(MemoryMarshal.AsBytes(values[..piece]));
        }

        to.Write(MemoryMarshal.AsBytes(values));
    }
}
