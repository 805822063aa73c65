using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// The residual stream's pass as a bf16 program of the usual operators has it, each of which reads bf16, computes exactly and stores
/// bf16: gate * branch; the residual add; a layer normalisation, with weight and bias in the same step where it has them and plain
/// where a table modulates it; then 1 + scale, the product with it, the shift. Backward is the gradient of each of these steps, with what
/// passes between them stored in bf16. Statistics are exact, as such programs keep them in float32, and so are sums over rows up
/// to their result: the gradient of a table's entry is rounded once, that of a parameter never.
/// </summary>
internal sealed class NaiveBf16Norm(IBackend host)
{
    public void Forward(in LayerNormArgs args)
    {
        int rows = args.X.Shape.Rows, columns = args.X.Shape.Columns, tokens = rows / args.Images;
        var h = args.X.ReadDoubles(host);
        if (args.Branch is { } branch)
        {
            var (values, gate) = (branch.ReadDoubles(host), Table(args.Gate, columns));
            for (var i = 0; i < h.Length; i++)
            {
                h[i] = Round(h[i] + Round(gate is null ? values[i] : gate(i / columns / tokens, i % columns) * values[i]));
            }

            args.H!.Write(host, h);
        }

        if (args.Y is null)
        {
            return;
        }

        using var stored = Stored(args.X.Shape, h);
        host.LayerNorm(new LayerNormArgs(stored.Tensor) { Y = args.Y, Mean = args.Mean, Rstd = args.Rstd, Weight = args.Weight, Bias = args.Bias, Epsilon = args.Epsilon });
        var y = args.Y.ReadDoubles(host);
        var (slope, offset) = (Slope(args), Table(args.Shift, columns));
        for (var i = 0; i < y.Length; i++)
        {
            int image = i / columns / tokens, column = i % columns;
            var v = Round(y[i]);
            v = slope is null ? v : Round(v * slope(image, column));
            y[i] = offset is null ? v : Round(v + offset(image, column));
        }

        args.Y.Write(host, y);
    }

    public void Backward(in LayerNormArgs args, in LayerNormGradients gradients)
    {
        int rows = args.X.Shape.Rows, columns = args.X.Shape.Columns, tokens = rows / args.Images;
        var total = gradients.DH?.ReadDoubles(host) ?? new double[args.X.Shape.Count];
        if (gradients.DY is { } incoming && args.Y is not null)
        {
            double[] dy = incoming.ReadDoubles(host), h = (args.H ?? args.X).ReadDoubles(host), mean = args.Mean!.ReadDoubles(host), rstd = args.Rstd!.ReadDoubles(host);
            double XHat(int i) => (h[i] - mean[i / columns]) * rstd[i / columns];
            AddSums(gradients.DShift, gradients.DBias, columns, tokens, dy.Length, i => dy[i]);
            AddSums(null, gradients.DWeight, columns, tokens, dy.Length, i => dy[i] * XHat(i));
            AddSums(gradients.DScale, null, columns, tokens, dy.Length, i => Round(dy[i] * Round(XHat(i))));
            var slope = Slope(args);
            using var g = Stored(args.X.Shape, dy.Select((d, i) => slope is null ? d : Round(d * slope(i / columns / tokens, i % columns))).ToArray());
            using var x = Stored(args.X.Shape, h);
            using var dx = Stored(args.X.Shape, new double[h.Length]);
            host.LayerNormBackward(
                new LayerNormArgs(x.Tensor) { Y = args.Y, Mean = args.Mean, Rstd = args.Rstd, Weight = args.Weight },
                new LayerNormGradients(g.Tensor, null, dx.Tensor, false));
            total = dx.Tensor.ReadDoubles(host).Select((d, i) => Round(Round(d) + total[i])).ToArray();
        }

        if (args.Branch is { } branch)
        {
            var (values, gate) = (branch.ReadDoubles(host), Table(args.Gate, columns));
            AddSums(gradients.DGate, null, columns, tokens, total.Length, i => Round(total[i] * values[i]));
            gradients.DBranch?.Write(host, total.Select((d, i) => gate is null ? d : Round(gate(i / columns / tokens, i % columns) * d)).ToArray());
        }

        var before = gradients.AccumulateDX ? gradients.DX.ReadDoubles(host) : null;
        gradients.DX.Write(host, total.Select((d, i) => before is null ? d : Round(before[i] + d)).ToArray());
    }

    private static double Round(double value) => NaiveBf16Backend.Round(value);

    private PersistentTensor Stored(Shape shape, double[] values)
    {
        var tensor = new PersistentTensor(host, shape, DType.F64);
        tensor.Tensor.Write(host, values);
        return tensor;
    }

    /// <summary>A modulation as a function of image and column.</summary>
    private Func<int, int, double>? Table(Modulation? modulation, int columns)
    {
        if (modulation is not { } m)
        {
            return null;
        }

        var values = m.Table.ReadDoubles(host);
        return (image, column) => values[(image * m.Table.Shape.Columns) + (m.Chunk * columns) + column];
    }

    private Func<int, int, double>? Slope(in LayerNormArgs args) =>
        Table(args.Scale, args.X.Shape.Columns) is { } scale ? (image, column) => Round(1 + scale(image, column)) : null;

    /// <summary>Adds the sums over an image's rows to a modulation's gradient (bf16) and those over all rows to a parameter's (float32).</summary>
    private void AddSums(Modulation? modulation, Tensor? parameter, int columns, int tokens, int count, Func<int, double> value)
    {
        if (modulation is { } m)
        {
            var table = m.Table.ReadDoubles(host);
            for (var i = 0; i < count; i++)
            {
                table[(i / columns / tokens * m.Table.Shape.Columns) + (m.Chunk * columns) + (i % columns)] += value(i);
            }

            m.Table.Write(host, table.Select(Round).ToArray());
        }

        if (parameter is not null)
        {
            var sums = parameter.ReadDoubles(host);
            for (var i = 0; i < count; i++)
            {
                sums[i % columns] += value(i);
            }

            parameter.Write(host, sums);
        }
    }
}
