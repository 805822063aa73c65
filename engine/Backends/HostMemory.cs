using System.Numerics;
using System.Runtime.CompilerServices;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>What the two backends of the process's own memory share: tensors are spans.</summary>
internal static unsafe class HostMemory
{
    public static Span<T> Span<T>(Tensor tensor)
        where T : unmanaged
    {
        var bytes = tensor.Shape.Count * Unsafe.SizeOf<T>();
        return bytes == tensor.Bytes
            ? new Span<T>((void*)tensor.Address, checked((int)tensor.Shape.Count))
            : throw new ArgumentException($"{tensor} does not hold elements of {Unsafe.SizeOf<T>()} bytes.");
    }

    public static void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged => values.CopyTo(Matching(to, values.Length, Span<T>(to)));

    public static void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged => Matching(from, values.Length, Span<T>(from)).CopyTo(values);

    public static void Copy(Tensor from, Tensor to)
    {
        if (from.Bytes != to.Bytes || from.DType != to.DType)
        {
            throw new ArgumentException($"{from} cannot be copied to {to}.");
        }

        Buffer.MemoryCopy((void*)from.Address, (void*)to.Address, to.Bytes, from.Bytes);
    }

    /// <summary>The values as BF16, to the nearest, ties to even.</summary>
    public static void Round<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged, INumberBase<T>
    {
        var bits = Matching(to, values.Length, Span<ushort>(to));
        for (var i = 0; i < values.Length; i++)
        {
            bits[i] = BFloat16.Bits(float.CreateTruncating(values[i]));
        }
    }

    private static Span<T> Matching<T>(Tensor tensor, int count, Span<T> span) => count == span.Length
        ? span
        : throw new ArgumentException($"{tensor} has {span.Length} elements, not {count}.");
}
