using CsCheck;
using LDaeCore.Engine.Numerics;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Numerics;

/// <summary>Against two plain passes; independent of how rows arrive; safe against offsets.</summary>
public sealed class CovarianceTests
{
    [Test]
    public void Mean_and_covariance_agree_with_two_passes() =>
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 300], Gen.Int[0, 1000]).Sample(
            (d, rows, seed) =>
            {
                var x = Rows(seed, rows * d);
                var covariance = new Covariance(d);
                covariance.Add(x, rows);
                var (mean, matrix) = TwoPasses(x, rows, d);
                Assert.That(covariance.Count, Is.EqualTo(rows));
                Assert.That(covariance.Mean(), Is.EqualTo(mean).Within(1e-12));
                Assert.That(covariance.Matrix(), Is.EqualTo(matrix).Within(1e-12));
            },
            iter: 100,
            threads: 1);

    [Test]
    public void How_rows_are_handed_over_does_not_matter()
    {
        const int d = 6, rows = 1000;
        var x = Rows(4, rows * d);
        var (whole, pieces) = (new Covariance(d), new Covariance(d));
        whole.Add(x, rows);
        for (int start = 0, k = 1; start < rows; start += k, k = (k * 7 % 41) + 1)
        {
            var count = Math.Min(k, rows - start);
            pieces.Add(x.AsSpan(start * d, count * d), count);
        }

        Assert.That(pieces.Mean(), Is.EqualTo(whole.Mean()));
        Assert.That(pieces.Matrix(), Is.EqualTo(whole.Matrix()));
    }

    [Test]
    public void A_large_offset_costs_no_digits()
    {
        const int d = 3, rows = 5000;
        var x = Rows(8, rows * d).Select(v => 100_000f + MathF.Round(v * 8) / 8).ToArray();
        var covariance = new Covariance(d);
        covariance.Add(x, rows);
        var (mean, matrix) = TwoPasses(x, rows, d);
        Assert.That(covariance.Mean(), Is.EqualTo(mean).Within(1e-9));
        Assert.That(covariance.Matrix(), Is.EqualTo(matrix).Within(1e-11));
    }

    [Test]
    public void No_rows_and_a_wrong_length_are_refused()
    {
        var covariance = new Covariance(3);
        Assert.That(() => covariance.Mean(), Throws.InvalidOperationException);
        Assert.That(() => covariance.Add(new float[7], 2), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => new Covariance(0), Throws.InstanceOf<ArgumentException>());
    }

    private static float[] Rows(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 4) - 1)];
    }

    private static (double[] Mean, double[] Matrix) TwoPasses(float[] x, int rows, int d)
    {
        var mean = new double[d];
        for (var i = 0; i < rows * d; i++)
        {
            mean[i % d] += (double)x[i] / rows;
        }

        var matrix = new double[d * d];
        for (var r = 0; r < rows; r++)
        {
            for (var i = 0; i < d * d; i++)
            {
                matrix[i] += (x[(r * d) + (i / d)] - mean[i / d]) * (x[(r * d) + (i % d)] - mean[i % d]) / rows;
            }
        }

        return (mean, matrix);
    }
}
