using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LDaeCore.Engine.Numerics;

/// <summary>
/// Float64 row operations in a fixed order of summation: 256-bit lanes and fused multiply-adds whatever the machine's width,
/// so that a result does not depend on the processor.
/// </summary>
internal static class RowKernels
{
    private const int Lanes = 4;

    /// <summary>Sum of products.</summary>
    /// <param name="a">One row.</param>
    /// <param name="b">Another, as long.</param>
    /// <returns>a . b.</returns>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ref var pa = ref MemoryMarshal.GetReference(a);
        ref var pb = ref MemoryMarshal.GetReference(b[..a.Length]);
        var (s0, s1) = (Vector256<double>.Zero, Vector256<double>.Zero);
        var i = 0;
        for (; i <= a.Length - (2 * Lanes); i += 2 * Lanes)
        {
            s0 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref pa, (nuint)i), Vector256.LoadUnsafe(ref pb, (nuint)i), s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref pa, (nuint)i + Lanes), Vector256.LoadUnsafe(ref pb, (nuint)i + Lanes), s1);
        }

        var sum = Vector256.Sum(s0 + s1);
        for (; i < a.Length; i++)
        {
            sum = Math.FusedMultiplyAdd(a[i], b[i], sum);
        }

        return sum;
    }

    /// <summary>y += f x.</summary>
    /// <param name="f">Factor.</param>
    /// <param name="x">One row.</param>
    /// <param name="y">Another, as long.</param>
    public static void AddScaled(double f, ReadOnlySpan<double> x, Span<double> y) => TensorPrimitives.FusedMultiplyAdd(x, f, y, y);

    /// <summary>Plane rotation: (x, y) becomes (c x - s y, s x + c y).</summary>
    /// <param name="c">Cosine.</param>
    /// <param name="s">Sine.</param>
    /// <param name="x">One row.</param>
    /// <param name="y">Another, as long.</param>
    public static void Rotate(double c, double s, Span<double> x, Span<double> y)
    {
        ref var px = ref MemoryMarshal.GetReference(x);
        ref var py = ref MemoryMarshal.GetReference(y[..x.Length]);
        var (cos, sin) = (Vector256.Create(c), Vector256.Create(s));
        var i = 0;
        for (; i <= x.Length - Lanes; i += Lanes)
        {
            var (a, b) = (Vector256.LoadUnsafe(ref px, (nuint)i), Vector256.LoadUnsafe(ref py, (nuint)i));
            Vector256.FusedMultiplyAdd(cos, a, -(sin * b)).StoreUnsafe(ref px, (nuint)i);
            Vector256.FusedMultiplyAdd(sin, a, cos * b).StoreUnsafe(ref py, (nuint)i);
        }

        for (; i < x.Length; i++)
        {
            (x[i], y[i]) = (Math.FusedMultiplyAdd(c, x[i], -(s * y[i])), Math.FusedMultiplyAdd(s, x[i], c * y[i]));
        }
    }
}
