using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Matrix products.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.MatMul(in MatMulArgs args)
    {
        Span<double> a = F64(args.A), b = F64(args.B), c = F64(args.C);
        int m = args.M, n = args.N, k = args.K;
        for (var row = 0; row < m; row++)
        {
            for (var column = 0; column < n; column++)
            {
                var v = args.Accumulate ? c[(row * n) + column] : 0.0;
                for (var i = 0; i < k; i++)
                {
                    var left = args.TransposeA ? a[(i * m) + row] : a[(row * k) + i];
                    var right = args.TransposeB ? b[(column * k) + i] : b[(i * n) + column];
                    v += left * right;
                }

                c[(row * n) + column] = Epilogue(args, v, row, column);
            }
        }
    }

    void IKernels.SumRows(Tensor x, Tensor result, bool accumulate)
    {
        Span<double> values = F64(x), r = F64(result);
        var columns = x.Shape.Columns;
        for (var column = 0; column < columns; column++)
        {
            var sum = 0.0;
            for (var row = 0; row < x.Shape.Rows; row++)
            {
                sum += values[(row * columns) + column];
            }

            Put(ref r[column], sum, accumulate);
        }
    }

    private static double Epilogue(in MatMulArgs args, double v, int row, int column)
    {
        var n = args.N;
        if (args.Bias is { } bias)
        {
            v += F64(bias)[column];
        }

        if (args.PreActivation is { } pre)
        {
            F64(pre)[(row * n) + column] = v;
            v = Gelu(v);
        }

        if (args.GeluGradientOf is { } u)
        {
            v *= GeluDerivative(F64(u)[(row * n) + column]);
        }

        if (args.Residual is { } residual)
        {
            v += F64(residual)[(row % residual.Shape.Rows * n) + column];
        }

        return v;
    }
}
