using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LDaeCore.Engine.Backends.Cpu.Vectors;

/// <summary>
/// Rows of any length in steps of eight floats: the last step loads what is there and zeros for the rest, and stores only what
/// is there, so that no loop needs a second, scalar copy of its body.
/// </summary>
internal static unsafe class Lanes
{
    public const int Count = 8;

    /// <summary>Eight floats, or the first <paramref name="left"/> and zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* from, int left) => left >= Count ? Vector256.Load(from) : LoadPart(from, left);

    /// <summary>Stores eight floats, or the first <paramref name="left"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> values, float* to, int left)
    {
        if (left >= Count)
        {
            values.Store(to);
        }
        else
        {
            StorePart(values, to, left);
        }
    }

    /// <summary>All bits in the first <paramref name="left"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Mask(int left) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(left)).AsSingle();

    /// <summary>sum of a[i] * b[i].</summary>
    public static float Dot(float* a, float* b, int count)
    {
        Vector256<float> even = default, odd = default;
        var i = 0;
        for (; i + (2 * Count) <= count; i += 2 * Count)
        {
            even = Vector256.MultiplyAddEstimate(Vector256.Load(a + i), Vector256.Load(b + i), even);
            odd = Vector256.MultiplyAddEstimate(Vector256.Load(a + i + Count), Vector256.Load(b + i + Count), odd);
        }

        for (; i < count; i += Count)
        {
            even = Vector256.MultiplyAddEstimate(Load(a + i, count - i), Load(b + i, count - i), even);
        }

        return Vector256.Sum(even + odd);
    }

    /// <summary>y[i] += factor * x[i].</summary>
    public static void AddScaled(float factor, float* x, float* y, int count) =>
        TensorPrimitives.MultiplyAddEstimate(new Span<float>(x, count), factor, new Span<float>(y, count), new Span<float>(y, count));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<float> LoadPart(float* from, int left)
    {
        Vector256<float> values = default;
        for (var i = 0; i < left; i++)
        {
            values = values.WithElement(i, from[i]);
        }

        return values;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StorePart(Vector256<float> values, float* to, int left)
    {
        for (var i = 0; i < left; i++)
        {
            to[i] = values.GetElement(i);
        }
    }
}
