using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Layer and batch normalisation.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.LayerNorm(in LayerNormArgs args)
    {
        int rows = args.X.Shape.Rows, columns = args.X.Shape.Columns, tokens = rows / args.Images;
        for (var row = 0; row < rows; row++)
        {
            var image = row / tokens;
            var h = F64(args.X).Slice(row * columns, columns);
            if (args.Branch is { } branch)
            {
                var stream = F64(args.H!).Slice(row * columns, columns);
                for (var i = 0; i < columns; i++)
                {
                    var gate = args.Gate is { } g ? Row(g, image, columns)[i] : 1;
                    stream[i] = h[i] + (gate * F64(branch)[(row * columns) + i]);
                }

                h = stream;
            }

            if (args.Y is not null)
            {
                NormalizeRow(args, h, row, image);
            }
        }
    }

    private static void NormalizeRow(in LayerNormArgs args, Span<double> h, int row, int image)
    {
        var columns = h.Length;
        double mean = 0, variance = 0;
        foreach (var value in h)
        {
            mean += value / columns;
        }

        foreach (var value in h)
        {
            variance += (value - mean) * (value - mean) / columns;
        }

        var rstd = 1 / Math.Sqrt(variance + args.Epsilon);
        F64(args.Mean!)[row] = mean;
        F64(args.Rstd!)[row] = rstd;
        var y = F64(args.Y!).Slice(row * columns, columns);
        for (var i = 0; i < columns; i++)
        {
            y[i] = ((h[i] - mean) * rstd * Slope(args, image, i)) + Offset(args, image, i);
        }
    }

    /// <summary>What xhat is multiplied by: 1 + scale, or the weight, or 1.</summary>
    private static double Slope(in LayerNormArgs args, int image, int column) =>
        args.Scale is { } scale ? 1 + Row(scale, image, args.X.Shape.Columns)[column]
        : args.Weight is { } weight ? F64(weight)[column]
        : 1;

    private static double Offset(in LayerNormArgs args, int image, int column) =>
        args.Shift is { } shift ? Row(shift, image, args.X.Shape.Columns)[column]
        : args.Bias is { } bias ? F64(bias)[column]
        : 0;

    void IKernels.LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients)
    {
        int rows = args.X.Shape.Rows, columns = args.X.Shape.Columns, tokens = rows / args.Images;
        var dh = new double[columns];
        for (var row = 0; row < rows; row++)
        {
            var image = row / tokens;
            Array.Clear(dh);
            if (gradients.DY is not null && args.Y is not null)
            {
                NormalizeRowBackward(args, gradients, dh, row, image);
            }

            for (var i = 0; i < columns; i++)
            {
                var at = (row * columns) + i;
                var total = dh[i] + (gradients.DH is { } incoming ? F64(incoming)[at] : 0);
                Put(ref F64(gradients.DX)[at], total, gradients.AccumulateDX);
                if (args.Branch is { } branch)
                {
                    if (gradients.DBranch is { } dBranch)
                    {
                        F64(dBranch)[at] = total * (args.Gate is { } gate ? Row(gate, image, columns)[i] : 1);
                    }

                    if (gradients.DGate is { } dGate)
                    {
                        Row(dGate, image, columns)[i] += total * F64(branch)[at];
                    }
                }
            }
        }
    }

    /// <summary>
    /// With g = dy * slope: dh = rstd (g - mean(g) - xhat mean(g xhat)), the two means being what the row's own mean and
    /// variance pass back.
    /// </summary>
    private static void NormalizeRowBackward(in LayerNormArgs args, in LayerNormGradients gradients, double[] dh, int row, int image)
    {
        var columns = dh.Length;
        var h = F64(args.H ?? args.X).Slice(row * columns, columns);
        var dy = F64(gradients.DY!).Slice(row * columns, columns);
        double mean = F64(args.Mean!)[row], rstd = F64(args.Rstd!)[row], meanG = 0, meanGx = 0;
        for (var i = 0; i < columns; i++)
        {
            var xhat = (h[i] - mean) * rstd;
            var g = dy[i] * Slope(args, image, i);
            meanG += g / columns;
            meanGx += g * xhat / columns;
            if (gradients.DShift is { } dShift)
            {
                Row(dShift, image, columns)[i] += dy[i];
            }

            if (gradients.DScale is { } dScale)
            {
                Row(dScale, image, columns)[i] += dy[i] * xhat;
            }

            if (gradients.DBias is { } dBias)
            {
                F64(dBias)[i] += dy[i];
            }

            if (gradients.DWeight is { } dWeight)
            {
                F64(dWeight)[i] += dy[i] * xhat;
            }
        }

        for (var i = 0; i < columns; i++)
        {
            dh[i] = rstd * ((dy[i] * Slope(args, image, i)) - meanG - ((h[i] - mean) * rstd * meanGx));
        }
    }

    void IKernels.BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd)
    {
        int rows = x.Shape.Rows, columns = x.Shape.Columns;
        Span<double> values = F64(x), result = F64(y);
        for (var c = 0; c < columns; c++)
        {
            double m = 0, v = 0;
            for (var r = 0; r < rows; r++)
            {
                m += values[(r * columns) + c] / rows;
            }

            for (var r = 0; r < rows; r++)
            {
                var d = values[(r * columns) + c] - m;
                v += d * d / rows;
            }

            F64(mean)[c] = m;
            F64(rstd)[c] = 1 / Math.Sqrt(v + NormEpsilon);
            for (var r = 0; r < rows; r++)
            {
                result[(r * columns) + c] = (values[(r * columns) + c] - m) * F64(rstd)[c];
            }
        }
    }

    void IKernels.BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate)
    {
        int rows = y.Shape.Rows, columns = y.Shape.Columns;
        Span<double> g = F64(dy), xhat = F64(y), result = F64(dx);
        for (var c = 0; c < columns; c++)
        {
            double meanG = 0, meanGx = 0;
            for (var r = 0; r < rows; r++)
            {
                meanG += g[(r * columns) + c] / rows;
                meanGx += g[(r * columns) + c] * xhat[(r * columns) + c] / rows;
            }

            for (var r = 0; r < rows; r++)
            {
                var at = (r * columns) + c;
                Put(ref result[at], F64(rstd)[c] * (g[at] - meanG - (xhat[at] * meanGx)), accumulate);
            }
        }
    }
}
