using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Elementwise primitives.</content>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Elements of one piece of an elementwise pass: 64 KB a buffer.</summary>
    private const int PieceElements = 16384;

    void IKernels.Add(Tensor x, Tensor result, bool accumulate)
    {
        float* a = F32(x), r = F32(result);
        Pieces(x.Shape.Count, PieceElements, (first, count) =>
        {
            Span<float> from = new(a + first, count), to = new(r + first, count);
            if (accumulate)
            {
                TensorPrimitives.Add(to, from, to);
            }
            else
            {
                from.CopyTo(to);
            }
        });
    }

    void IKernels.Scale(Tensor tensor, Tensor factor)
    {
        var f = *F32(factor);
        var values = F32(tensor);
        Pieces(tensor.Shape.Count, PieceElements, (first, count) =>
        {
            var piece = new Span<float>(values + first, count);
            TensorPrimitives.Multiply(piece, f, piece);
        });
    }

    void IKernels.GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        float* g = F32(dy), u = F32(x), r = F32(dx);
        Pieces(x.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                var at = first + i;
                var v = Lanes.Load(g + at, count - i) * VectorMath.GeluDerivative(Lanes.Load(u + at, count - i));
                Put(v, r + at, count - i, accumulate);
            }
        });
    }

    void IKernels.GeluErf(Tensor x, Tensor y)
    {
        float* a = F32(x), r = F32(y);
        Pieces(x.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                Lanes.Store(VectorMath.GeluErf(Lanes.Load(a + first + i, count - i)), r + first + i, count - i);
            }
        });
    }

    void IKernels.GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        float* g = F32(dy), a = F32(x), r = F32(dx);
        Pieces(x.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                var at = first + i;
                var v = Lanes.Load(g + at, count - i) * VectorMath.GeluErfDerivative(Lanes.Load(a + at, count - i));
                Put(v, r + at, count - i, accumulate);
            }
        });
    }

    void IKernels.Silu(Tensor x, Tensor y)
    {
        float* a = F32(x), r = F32(y);
        Pieces(x.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                var v = Lanes.Load(a + first + i, count - i);
                Lanes.Store(v * VectorMath.Sigmoid(v), r + first + i, count - i);
            }
        });
    }

    void IKernels.SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        float* g = F32(dy), a = F32(x), r = F32(dx);
        Pieces(x.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                var at = first + i;
                var v = Lanes.Load(a + at, count - i);
                var s = VectorMath.Sigmoid(v);
                var slope = s * Vector256.MultiplyAddEstimate(v, Vector256<float>.One - s, Vector256<float>.One);
                Put(Lanes.Load(g + at, count - i) * slope, r + at, count - i, accumulate);
            }
        });
    }

    void IKernels.MeanPool(Tensor x, Tensor y)
    {
        int tokens = x.Shape[1], columns = x.Shape[2];
        float* from = F32(x), to = F32(y);
        _pool.Run(x.Shape[0], (image, _) =>
        {
            var row = new Span<float>(to + ((long)image * columns), columns);
            row.Clear();
            for (var t = 0; t < tokens; t++)
            {
                TensorPrimitives.Add(row, new Span<float>(from + ((((long)image * tokens) + t) * columns), columns), row);
            }

            TensorPrimitives.Divide(row, tokens, row);
        });
    }

    void IKernels.MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        int tokens = dx.Shape[1], columns = dx.Shape[2];
        float* g = F32(dy), to = F32(dx);
        _pool.Run(dx.Shape[0], (image, _) =>
        {
            var gradient = new Span<float>(g + ((long)image * columns), columns);
            for (var t = 0; t < tokens; t++)
            {
                var row = new Span<float>(to + ((((long)image * tokens) + t) * columns), columns);
                if (accumulate)
                {
                    TensorPrimitives.MultiplyAdd(gradient, 1f / tokens, row, row);
                }
                else
                {
                    TensorPrimitives.Multiply(gradient, 1f / tokens, row);
                }
            }
        });
    }

    void IKernels.GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate)
    {
        var columns = y.Shape.Columns;
        float* source = F32(x), fills = F32OrNull(fill), to = F32(y);
        var entries = (int*)index.Address;
        Pieces(y.Shape.Rows, Math.Max(1, PieceElements / columns), (first, count) =>
        {
            for (var row = first; row < first + count; row++)
            {
                var entry = entries[row];
                var from = entry >= 0 ? source + ((long)entry * columns) : fills is null ? null : fills + ((-1L - entry) * columns);
                var result = to + (row * columns);
                if (accumulate && from is not null)
                {
                    AddRow(from, result, columns);
                }
                else if (!accumulate && from is null)
                {
                    new Span<float>(result, columns).Clear();
                }
                else if (!accumulate)
                {
                    new Span<float>(from, columns).CopyTo(new Span<float>(result, columns));
                }
            }
        });
    }

    private static void Put(Vector256<float> value, float* to, int left, bool accumulate) =>
        Lanes.Store(accumulate ? value + Lanes.Load(to, left) : value, to, left);
}
