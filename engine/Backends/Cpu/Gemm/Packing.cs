using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LDaeCore.Engine.Backends.Cpu.Gemm;

/// <summary>
/// Copies parts of a matrix to the order in which the micro-kernel reads them, zeros beyond the edge: panels of 16 columns of
/// B, k after k, and panels of 6 columns of a transposed A.
/// </summary>
internal static unsafe class Packing
{
    /// <summary>One panel of up to 16 columns of B by rows: element (k, n) is b[k * stride + n].</summary>
    public static void PanelByRows(float* b, nint stride, int depth, int columns, float* panel)
    {
        if (columns >= MicroKernel.Columns)
        {
            for (var k = 0; k < depth; k++, b += stride, panel += MicroKernel.Columns)
            {
                Vector256.Load(b).Store(panel);
                Vector256.Load(b + 8).Store(panel + 8);
            }

            return;
        }

        for (var k = 0; k < depth; k++, b += stride, panel += MicroKernel.Columns)
        {
            for (var n = 0; n < MicroKernel.Columns; n++)
            {
                panel[n] = n < columns ? b[n] : 0;
            }
        }
    }

    /// <summary>One panel of up to 16 columns of B by columns, a linear layer's weight: element (k, n) is b[n * stride + k].</summary>
    public static void PanelByColumns(float* b, nint stride, int depth, int columns, float* panel)
    {
        for (var first = 0; first < MicroKernel.Columns; first += 8)
        {
            var from = b + (first * stride);
            var to = panel + first;
            var k = 0;
            if (columns - first >= 8)
            {
                for (; k + 8 <= depth; k += 8)
                {
                    Transpose8(from + k, stride, to + (k * MicroKernel.Columns), MicroKernel.Columns);
                }
            }

            for (; k < depth; k++)
            {
                for (var n = 0; n < 8; n++)
                {
                    to[(k * MicroKernel.Columns) + n] = first + n < columns ? from[(n * stride) + k] : 0;
                }
            }
        }
    }

    /// <summary>
    /// Columns of a transposed A in panels of 6: element (i, k) is a[k * stride + i], and panel p holds six values a step of k from
    /// panels[6 p depth] on. A whole row of the block is read before the next: rows lie pages apart, and a panel at a time would
    /// fetch each line from the second level again and again.
    /// </summary>
    public static void RowsOfTransposed(float* a, nint stride, int depth, int rows, float* panels)
    {
        var panelFloats = (nint)depth * MicroKernel.Rows;
        var whole = rows / MicroKernel.Rows * MicroKernel.Rows;
        for (var k = 0; k < depth; k++, a += stride, panels += MicroKernel.Rows)
        {
            var to = panels;
            for (var i = 0; i < whole; i += MicroKernel.Rows, to += panelFloats)
            {
                // Six floats as four and two.
                Vector128.Load(a + i).Store(to);
                *(double*)(to + 4) = *(double*)(a + i + 4);
            }

            for (var i = whole; whole < rows && i < whole + MicroKernel.Rows; i++)
            {
                *to++ = i < rows ? a[i] : 0;
            }
        }
    }

    /// <summary>Rows of A in the same panels of 6: element (i, k) is a[i * stride + k].</summary>
    public static void Rows(float* a, nint stride, int depth, int rows, float* panels)
    {
        for (var first = 0; first < rows; first += MicroKernel.Rows, a += MicroKernel.Rows * stride)
        {
            var height = Math.Min(MicroKernel.Rows, rows - first);
            for (var k = 0; k < depth; k++, panels += MicroKernel.Rows)
            {
                for (var i = 0; i < MicroKernel.Rows; i++)
                {
                    panels[i] = i < height ? a[(i * stride) + k] : 0;
                }
            }
        }
    }

    /// <summary>An 8 x 8 block transposed in registers: pairs, then quarters, then halves change places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8(float* from, nint stride, float* to, nint toStride)
    {
        if (!Avx.IsSupported)
        {
            for (var i = 0; i < 8; i++)
            {
                for (var j = 0; j < 8; j++)
                {
                    to[(j * toStride) + i] = from[(i * stride) + j];
                }
            }

            return;
        }

        Vector256<float> r0 = Vector256.Load(from), r1 = Vector256.Load(from + stride);
        Vector256<float> r2 = Vector256.Load(from + (2 * stride)), r3 = Vector256.Load(from + (3 * stride));
        Vector256<float> r4 = Vector256.Load(from + (4 * stride)), r5 = Vector256.Load(from + (5 * stride));
        Vector256<float> r6 = Vector256.Load(from + (6 * stride)), r7 = Vector256.Load(from + (7 * stride));
        Vector256<float> p0 = Avx.UnpackLow(r0, r1), p1 = Avx.UnpackHigh(r0, r1), p2 = Avx.UnpackLow(r2, r3), p3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> p4 = Avx.UnpackLow(r4, r5), p5 = Avx.UnpackHigh(r4, r5), p6 = Avx.UnpackLow(r6, r7), p7 = Avx.UnpackHigh(r6, r7);
        Vector256<float> q0 = Avx.Shuffle(p0, p2, 0x44), q1 = Avx.Shuffle(p0, p2, 0xEE), q2 = Avx.Shuffle(p1, p3, 0x44), q3 = Avx.Shuffle(p1, p3, 0xEE);
        Vector256<float> q4 = Avx.Shuffle(p4, p6, 0x44), q5 = Avx.Shuffle(p4, p6, 0xEE), q6 = Avx.Shuffle(p5, p7, 0x44), q7 = Avx.Shuffle(p5, p7, 0xEE);
        Avx.Permute2x128(q0, q4, 0x20).Store(to);
        Avx.Permute2x128(q1, q5, 0x20).Store(to + toStride);
        Avx.Permute2x128(q2, q6, 0x20).Store(to + (2 * toStride));
        Avx.Permute2x128(q3, q7, 0x20).Store(to + (3 * toStride));
        Avx.Permute2x128(q0, q4, 0x31).Store(to + (4 * toStride));
        Avx.Permute2x128(q1, q5, 0x31).Store(to + (5 * toStride));
        Avx.Permute2x128(q2, q6, 0x31).Store(to + (6 * toStride));
        Avx.Permute2x128(q3, q7, 0x31).Store(to + (7 * toStride));
    }
}
