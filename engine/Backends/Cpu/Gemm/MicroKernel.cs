using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LDaeCore.Engine.Backends.Cpu.Gemm;

/// <summary>
/// The innermost loop of every matrix product here: a 6 x 16 tile of C in twelve vector registers, two more for a row of B and
/// one for a broadcast element of A, which is what the sixteen registers of AVX2 hold. Each step of k loads 16 floats of B and
/// 6 of A for 96 multiply-adds, enough for two FMA units to be the limit.
/// <para>
/// B is packed in panels of 16 columns (see <see cref="Packing"/>). A is read where it lies: by rows when it is [M, K], by
/// columns when it is [K, M] or packed; a broadcast load does not care, so A needs no packing for the arithmetic's sake.
/// </para>
/// The portable path computes the same tile in 128-bit vectors.
/// </summary>
internal static unsafe class MicroKernel
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 6;

    /// <summary>Columns of a tile.</summary>
    public const int Columns = 16;

    /// <summary>Which path the machine takes; switching hardware features off changes it.</summary>
    public static string Path => Fma.IsSupported ? "AVX2/FMA 6x16" : "portable 6x16 in 128-bit vectors";

    /// <summary>C (+)= A B for A by rows: element (i, k) is a[i * stride + k].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByRows(int depth, float* a, nint stride, float* panel, float* c, nint cStride, bool accumulate)
    {
        if (!Fma.IsSupported)
        {
            Portable(depth, a, stride, 1, panel, c, cStride, accumulate);
            return;
        }

        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        float* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride, a4 = a3 + stride, a5 = a4 + stride;
        for (nint k = 0; k < depth; k++)
        {
            Vector256<float> b0 = Vector256.Load(panel), b1 = Vector256.Load(panel + 8);
            panel += Columns;
            var x = Avx.BroadcastScalarToVector256(a + k);
            c00 = Fma.MultiplyAdd(x, b0, c00);
            c01 = Fma.MultiplyAdd(x, b1, c01);
            x = Avx.BroadcastScalarToVector256(a1 + k);
            c10 = Fma.MultiplyAdd(x, b0, c10);
            c11 = Fma.MultiplyAdd(x, b1, c11);
            x = Avx.BroadcastScalarToVector256(a2 + k);
            c20 = Fma.MultiplyAdd(x, b0, c20);
            c21 = Fma.MultiplyAdd(x, b1, c21);
            x = Avx.BroadcastScalarToVector256(a3 + k);
            c30 = Fma.MultiplyAdd(x, b0, c30);
            c31 = Fma.MultiplyAdd(x, b1, c31);
            x = Avx.BroadcastScalarToVector256(a4 + k);
            c40 = Fma.MultiplyAdd(x, b0, c40);
            c41 = Fma.MultiplyAdd(x, b1, c41);
            x = Avx.BroadcastScalarToVector256(a5 + k);
            c50 = Fma.MultiplyAdd(x, b0, c50);
            c51 = Fma.MultiplyAdd(x, b1, c51);
        }

        Put(c00, c01, c, accumulate);
        Put(c10, c11, c += cStride, accumulate);
        Put(c20, c21, c += cStride, accumulate);
        Put(c30, c31, c += cStride, accumulate);
        Put(c40, c41, c += cStride, accumulate);
        Put(c50, c51, c + cStride, accumulate);
    }

    /// <summary>C (+)= A B for A by columns: element (i, k) is a[k * stride + i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ByColumns(int depth, float* a, nint stride, float* panel, float* c, nint cStride, bool accumulate)
    {
        if (!Fma.IsSupported)
        {
            Portable(depth, a, 1, stride, panel, c, cStride, accumulate);
            return;
        }

        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        for (nint k = 0; k < depth; k++)
        {
            Vector256<float> b0 = Vector256.Load(panel), b1 = Vector256.Load(panel + 8);
            panel += Columns;
            var x = Avx.BroadcastScalarToVector256(a);
            c00 = Fma.MultiplyAdd(x, b0, c00);
            c01 = Fma.MultiplyAdd(x, b1, c01);
            x = Avx.BroadcastScalarToVector256(a + 1);
            c10 = Fma.MultiplyAdd(x, b0, c10);
            c11 = Fma.MultiplyAdd(x, b1, c11);
            x = Avx.BroadcastScalarToVector256(a + 2);
            c20 = Fma.MultiplyAdd(x, b0, c20);
            c21 = Fma.MultiplyAdd(x, b1, c21);
            x = Avx.BroadcastScalarToVector256(a + 3);
            c30 = Fma.MultiplyAdd(x, b0, c30);
            c31 = Fma.MultiplyAdd(x, b1, c31);
            x = Avx.BroadcastScalarToVector256(a + 4);
            c40 = Fma.MultiplyAdd(x, b0, c40);
            c41 = Fma.MultiplyAdd(x, b1, c41);
            x = Avx.BroadcastScalarToVector256(a + 5);
            c50 = Fma.MultiplyAdd(x, b0, c50);
            c51 = Fma.MultiplyAdd(x, b1, c51);
            a += stride;
        }

        Put(c00, c01, c, accumulate);
        Put(c10, c11, c += cStride, accumulate);
        Put(c20, c21, c += cStride, accumulate);
        Put(c30, c31, c += cStride, accumulate);
        Put(c40, c41, c += cStride, accumulate);
        Put(c50, c51, c + cStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<float> left, Vector256<float> right, float* to, bool accumulate)
    {
        if (accumulate)
        {
            left += Vector256.Load(to);
            right += Vector256.Load(to + 8);
        }

        left.Store(to);
        right.Store(to + 8);
    }

    /// <summary>The same tile, four columns at a time: six sums of 128 bits fit any machine's registers.</summary>
    private static void Portable(int depth, float* a, nint rowStride, nint depthStride, float* panel, float* c, nint cStride, bool accumulate)
    {
        for (var column = 0; column < Columns; column += Vector128<float>.Count)
        {
            Vector128<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default;
            for (nint k = 0; k < depth; k++)
            {
                var b = Vector128.Load(panel + (k * Columns) + column);
                var x = a + (k * depthStride);
                s0 += Vector128.Create(x[0]) * b;
                s1 += Vector128.Create(x[rowStride]) * b;
                s2 += Vector128.Create(x[2 * rowStride]) * b;
                s3 += Vector128.Create(x[3 * rowStride]) * b;
                s4 += Vector128.Create(x[4 * rowStride]) * b;
                s5 += Vector128.Create(x[5 * rowStride]) * b;
            }

            var to = c + column;
            Put(s0, to, accumulate);
            Put(s1, to + cStride, accumulate);
            Put(s2, to + (2 * cStride), accumulate);
            Put(s3, to + (3 * cStride), accumulate);
            Put(s4, to + (4 * cStride), accumulate);
            Put(s5, to + (5 * cStride), accumulate);
        }
    }

    private static void Put(Vector128<float> sum, float* to, bool accumulate) =>
        (accumulate ? sum + Vector128.Load(to) : sum).Store(to);
}
