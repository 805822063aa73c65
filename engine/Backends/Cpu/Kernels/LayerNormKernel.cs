using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Vectors;

namespace LDaeCore.Engine.Backends.Cpu.Kernels;

/// <summary>
/// One row of residual add, layer normalisation and modulation, forward and backward. A null pointer means that the input or
/// result is not there.
/// </summary>
internal static unsafe class LayerNormKernel
{
    /// <summary>The pointers of one row; tables are at the row's image.</summary>
    internal struct Row
    {
        public float* X, Branch, Gate, Shift, Scale, Weight, Bias, H, Y, Mean, Rstd;
        public float* DY, DH, DX, DBranch;

        /// <summary>Sums over the rows of a chunk: of dh * branch, of dy, and of dy * xhat. Null when not wanted.</summary>
        public float* SumGate, SumShift, SumScale;

        public int Columns;
        public float Epsilon;
        public bool AccumulateDX;
    }

    public static void Forward(in Row row)
    {
        var columns = row.Columns;
        var h = row.X;
        Vector256<float> sum = default;
        for (var i = 0; i < columns; i += Lanes.Count)
        {
            var left = columns - i;
            var value = Lanes.Load(row.X + i, left);
            if (row.Branch is not null)
            {
                var branch = Lanes.Load(row.Branch + i, left);
                value = row.Gate is null ? value + branch : Vector256.MultiplyAddEstimate(Lanes.Load(row.Gate + i, left), branch, value);
                Lanes.Store(value, row.H + i, left);
            }

            sum += value;
        }

        if (row.Y is null)
        {
            return;
        }

        h = row.Branch is null ? row.X : row.H;
        var mean = Vector256.Sum(sum) / columns;
        var center = Vector256.Create(mean);
        Vector256<float> squares = default;
        for (var i = 0; i < columns; i += Lanes.Count)
        {
            var left = columns - i;
            var d = Lanes.Load(h + i, left) - center;
            d = left >= Lanes.Count ? d : d & Lanes.Mask(left);
            squares = Vector256.MultiplyAddEstimate(d, d, squares);
        }

        var rstd = 1 / MathF.Sqrt((Vector256.Sum(squares) / columns) + row.Epsilon);
        *row.Mean = mean;
        *row.Rstd = rstd;
        var factor = Vector256.Create(rstd);
        for (var i = 0; i < columns; i += Lanes.Count)
        {
            var left = columns - i;
            var y = (Lanes.Load(h + i, left) - center) * factor * Slope(row, i, left);
            y += row.Shift is not null ? Lanes.Load(row.Shift + i, left) : row.Bias is not null ? Lanes.Load(row.Bias + i, left) : default;
            Lanes.Store(y, row.Y + i, left);
        }
    }

    /// <summary>
    /// With g = dy * slope: dh = rstd (g - mean(g) - xhat mean(g xhat)), plus what arrives along the stream; the row's parts of
    /// the sums over rows are added on the way.
    /// </summary>
    public static void Backward(in Row row)
    {
        var columns = row.Columns;
        var h = row.H is null ? row.X : row.H;
        Vector256<float> mean = default, rstd = default, meanG = default, meanGx = default;
        if (row.DY is not null)
        {
            (mean, rstd) = (Vector256.Create(*row.Mean), Vector256.Create(*row.Rstd));
            for (var i = 0; i < columns; i += Lanes.Count)
            {
                var left = columns - i;
                var dy = Lanes.Load(row.DY + i, left);
                var xhat = (Lanes.Load(h + i, left) - mean) * rstd;
                var g = dy * Slope(row, i, left);
                meanG += g;
                meanGx = Vector256.MultiplyAddEstimate(g, xhat, meanGx);
                Sum(row.SumShift, i, left, dy);
                Sum(row.SumScale, i, left, dy * xhat);
            }

            meanG = Vector256.Create(Vector256.Sum(meanG) / columns);
            meanGx = Vector256.Create(Vector256.Sum(meanGx) / columns);
        }

        for (var i = 0; i < columns; i += Lanes.Count)
        {
            var left = columns - i;
            var dh = row.DH is null ? default : Lanes.Load(row.DH + i, left);
            if (row.DY is not null)
            {
                var xhat = (Lanes.Load(h + i, left) - mean) * rstd;
                var g = Lanes.Load(row.DY + i, left) * Slope(row, i, left);
                dh = Vector256.MultiplyAddEstimate(rstd, g - meanG - (xhat * meanGx), dh);
            }

            Lanes.Store(row.AccumulateDX ? dh + Lanes.Load(row.DX + i, left) : dh, row.DX + i, left);
            if (row.DBranch is not null)
            {
                Lanes.Store(row.Gate is null ? dh : dh * Lanes.Load(row.Gate + i, left), row.DBranch + i, left);
            }

            if (row.SumGate is not null)
            {
                Sum(row.SumGate, i, left, dh * Lanes.Load(row.Branch + i, left));
            }
        }
    }

    /// <summary>What xhat is multiplied by: 1 + scale, or the weight, or 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Slope(in Row row, int i, int left) =>
        row.Scale is not null ? Lanes.Load(row.Scale + i, left) + Vector256<float>.One
        : row.Weight is not null ? Lanes.Load(row.Weight + i, left)
        : Vector256<float>.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Sum(float* sums, int i, int left, Vector256<float> value)
    {
        if (sums is not null)
        {
            Lanes.Store(Lanes.Load(sums + i, left) + value, sums + i, left);
        }
    }
}
