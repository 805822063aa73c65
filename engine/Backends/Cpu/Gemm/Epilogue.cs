using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using LDaeCore.Engine.Backends.Cpu.Vectors;

namespace LDaeCore.Engine.Backends.Cpu.Gemm;

/// <summary>What follows a matrix product, done on a tile while it is still in the first-level cache.</summary>
internal static unsafe class Epilogue
{
    public static bool IsEmpty(in GemmCall call) =>
        call.Bias is null && call.Residual is null && call.PreActivation is null && call.GeluGradientOf is null;

    /// <summary>
    /// Asks for the lines of a tile that the epilogue will read: they arrive while the tile is computed. A tile's rows lie a matrix row
    /// apart, which the machine's own prefetcher does not follow.
    /// </summary>
    public static void Prefetch(in GemmCall call, int row, int column, int rows)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        for (var r = row; r < row + rows; r++)
        {
            var at = ((nint)r * call.N) + column;
            if (call.GeluGradientOf is not null)
            {
                Sse.Prefetch0(call.GeluGradientOf + at);
            }

            if (call.Residual is not null)
            {
                Sse.Prefetch0(call.Residual + ((nint)(r % call.ResidualRows) * call.N) + column);
            }
        }
    }

    /// <summary>Finishes the tile of C whose first element is (row, column).</summary>
    public static void Apply(in GemmCall call, int row, int column, int rows, int columns)
    {
        if (columns == MicroKernel.Columns)
        {
            Whole(call, row, column, rows);
        }
        else
        {
            Ragged(call, row, column, rows, columns);
        }
    }

    /// <summary>
    /// A tile of full width, two vectors a row. A GELU is a chain of thirty instructions that wait for each other: nothing else stands
    /// in this loop, so that the chains of several rows are in flight at once.
    /// </summary>
    private static void Whole(in GemmCall call, int row, int column, int rows)
    {
        nint stride = call.N, at = (row * stride) + column;
        float* c = call.C + at, u = call.PreActivation is null ? null : call.PreActivation + at;
        var v = call.GeluGradientOf is null ? null : call.GeluGradientOf + at;
        var residual = call.Residual is null ? null : call.Residual + column;
        Vector256<float> bias0 = default, bias1 = default;
        if (call.Bias is not null)
        {
            (bias0, bias1) = (Vector256.Load(call.Bias + column), Vector256.Load(call.Bias + column + Lanes.Count));
        }

        var residualRows = call.ResidualRows;
        for (var r = row; r < row + rows; r++, c += stride)
        {
            Vector256<float> y0 = Vector256.Load(c) + bias0, y1 = Vector256.Load(c + Lanes.Count) + bias1;
            if (u is not null)
            {
                y0.Store(u);
                y1.Store(u + Lanes.Count);
                y0 = VectorMath.Gelu(y0);
                y1 = VectorMath.Gelu(y1);
                u += stride;
            }

            if (v is not null)
            {
                y0 *= VectorMath.GeluDerivative(Vector256.Load(v));
                y1 *= VectorMath.GeluDerivative(Vector256.Load(v + Lanes.Count));
                v += stride;
            }

            if (residual is not null)
            {
                var from = residual + (r % residualRows * stride);
                y0 += Vector256.Load(from);
                y1 += Vector256.Load(from + Lanes.Count);
            }

            y0.Store(c);
            y1.Store(c + Lanes.Count);
        }
    }

    private static void Ragged(in GemmCall call, int row, int column, int rows, int columns)
    {
        for (var r = row; r < row + rows; r++)
        {
            var at = ((nint)r * call.N) + column;
            var residual = call.Residual is null ? null : call.Residual + ((nint)(r % call.ResidualRows) * call.N) + column;
            for (var i = 0; i < columns; i += Lanes.Count)
            {
                var left = columns - i;
                var v = Lanes.Load(call.C + at + i, left);
                if (call.Bias is not null)
                {
                    v += Lanes.Load(call.Bias + column + i, left);
                }

                if (call.PreActivation is not null)
                {
                    Lanes.Store(v, call.PreActivation + at + i, left);
                    v = VectorMath.Gelu(v);
                }

                if (call.GeluGradientOf is not null)
                {
                    v *= VectorMath.GeluDerivative(Lanes.Load(call.GeluGradientOf + at + i, left));
                }

                if (residual is not null)
                {
                    v += Lanes.Load(residual + i, left);
                }

                Lanes.Store(v, call.C + at + i, left);
            }
        }
    }
}
