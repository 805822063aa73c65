using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Elementwise primitives.</content>
public sealed partial class ReferenceBackend
{
    private static readonly double GeluSlope = Math.Sqrt(2 / Math.PI);

    void IKernels.Add(Tensor x, Tensor result, bool accumulate)
    {
        if (accumulate)
        {
            TensorPrimitives.Add(F64(result), F64(x), F64(result));
        }
        else
        {
            F64(x).CopyTo(F64(result));
        }
    }

    void IKernels.Scale(Tensor tensor, Tensor factor) => TensorPrimitives.Multiply(F64(tensor), F64(factor)[0], F64(tensor));

    void IKernels.GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate)
    {
        var columns = y.Shape.Columns;
        for (var row = 0; row < y.Shape.Rows; row++)
        {
            var from = HostMemory.Span<int>(index)[row];
            for (var c = 0; c < columns; c++)
            {
                var value = from >= 0 ? F64(x)[(from * columns) + c] : fill is not null ? F64(fill)[((-1 - from) * columns) + c] : 0;
                Put(ref F64(y)[(row * columns) + c], value, accumulate);
            }
        }
    }

    void IKernels.GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        Span<double> g = F64(dy), u = F64(x), r = F64(dx);
        for (var i = 0; i < g.Length; i++)
        {
            Put(ref r[i], g[i] * GeluDerivative(u[i]), accumulate);
        }
    }

    void IKernels.GeluErf(Tensor x, Tensor y)
    {
        Span<double> a = F64(x), r = F64(y);
        for (var i = 0; i < a.Length; i++)
        {
            r[i] = a[i] * NormalDistribution.Cumulative(a[i]);
        }
    }

    void IKernels.GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        Span<double> g = F64(dy), a = F64(x), r = F64(dx);
        for (var i = 0; i < g.Length; i++)
        {
            Put(ref r[i], g[i] * (NormalDistribution.Cumulative(a[i]) + (a[i] * NormalDistribution.Density(a[i]))), accumulate);
        }
    }

    void IKernels.Silu(Tensor x, Tensor y)
    {
        Span<double> a = F64(x), r = F64(y);
        for (var i = 0; i < a.Length; i++)
        {
            r[i] = a[i] * Sigmoid(a[i]);
        }
    }

    void IKernels.SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        Span<double> g = F64(dy), a = F64(x), r = F64(dx);
        for (var i = 0; i < g.Length; i++)
        {
            var s = Sigmoid(a[i]);
            Put(ref r[i], g[i] * s * (1 + (a[i] * (1 - s))), accumulate);
        }
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>gelu(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): Hendrycks and Gimpel 2016, the tanh form.</summary>
    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(GeluSlope * (x + (0.044715 * x * x * x))));

    private static double GeluDerivative(double x)
    {
        var tanh = Math.Tanh(GeluSlope * (x + (0.044715 * x * x * x)));
        var inner = GeluSlope * (1 + (3 * 0.044715 * x * x));
        return (0.5 * (1 + tanh)) + (0.5 * x * (1 - (tanh * tanh)) * inner);
    }
}
