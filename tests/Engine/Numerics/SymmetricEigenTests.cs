using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Numerics;

/// <summary>Orthonormality and residuals at 1e-10, on the easy and the degenerate.</summary>
public sealed class SymmetricEigenTests
{
    private const double Tolerance = 1e-10;

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(7)]
    [TestCase(48)]
    [TestCase(192)]
    public void A_random_matrix_decomposes(int n)
    {
        var a = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                a[(i * n) + j] = a[(j * n) + i] = Normal(1, (i * n) + j);
            }
        }

        Check(a, n);
    }

    [Test]
    [Category("Long")]
    public void The_size_of_a_16_x_16_patch_decomposes_in_seconds()
    {
        const int n = 768;
        var values = Enumerable.Range(1, n).Select(k => 163 * Math.Pow(k, -2.4)).ToArray();
        var a = WithEigenvalues(values);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        SymmetricEigen.Decompose(a, n);
        TestContext.Out.WriteLine($"n = {n}: {clock.Elapsed.TotalSeconds:F2} s");
        Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(20), "5 s alone on a core; other tests may share it");
        Check(a, n, values);
    }

    [Test]
    public void Repeated_eigenvalues_get_orthonormal_vectors() =>
        Check(WithEigenvalues([5, 5, 5, 2, 2, -1, -1, -1, -1, 0.5]), 10, [5, 5, 5, 2, 2, 0.5, -1, -1, -1, -1]);

    [Test]
    public void A_rank_deficient_matrix_has_its_zeros()
    {
        var values = new double[40];
        (values[0], values[1], values[2]) = (100, 3, 1e-3);
        Check(WithEigenvalues(values), 40, values);
    }

    [TestCase(1e-200)]
    [TestCase(1e200)]
    public void Extreme_scales_do_not_matter(double scale)
    {
        var values = Enumerable.Range(1, 12).Select(k => scale / k).ToArray();
        Check(WithEigenvalues(values), 12, values);
    }

    [Test]
    public void Diagonal_zero_identity_and_one_by_one()
    {
        var diagonal = new double[25];
        for (var i = 0; i < 5; i++)
        {
            diagonal[i * 6] = i % 2 == 0 ? i : -i;
        }

        Check(diagonal, 5, [4, 2, 0, -1, -3]);
        Check(new double[9], 3, [0, 0, 0]);
        Check([1, 0, 0, 1], 2, [1, 1]);
        Assert.That(SymmetricEigen.Decompose([-3.5], 1).Values, Is.EqualTo((double[])[-3.5]));
        Assert.That(SymmetricEigen.Decompose([-3.5], 1).Vectors, Is.EqualTo((double[])[1]));
    }

    [Test]
    public void The_two_dimensional_form_is_the_same()
    {
        var square = SymmetricEigen.Decompose(new double[,] { { 2, 1 }, { 1, 2 } });
        Assert.That(square.Values, Is.EqualTo((double[])[3, 1]).Within(1e-14));
        Assert.That(square.Vectors.Select(Math.Abs), Is.All.EqualTo(Math.Sqrt(0.5)).Within(1e-14));
    }

    [Test]
    public void What_is_no_symmetric_matrix_is_refused()
    {
        Assert.That(() => SymmetricEigen.Decompose([1, 2, 3, 4], 2), Throws.ArgumentException.With.Message.Contains("not symmetric"));
        Assert.That(() => SymmetricEigen.Decompose([double.NaN], 1), Throws.ArgumentException);
        Assert.That(() => SymmetricEigen.Decompose([1, 2], 2), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => SymmetricEigen.Decompose(new double[1, 2]), Throws.ArgumentException);
    }

    private static double Normal(uint stream, int i)
    {
        var (x, y, _, _) = Philox.Block(3, RandomStream.Case, stream, (ulong)i);
        return Philox.Normals<double>(x, y).First;
    }

    /// <summary>Q^T diag Q for a Q made of random reflections.</summary>
    private static double[] WithEigenvalues(double[] values)
    {
        var n = values.Length;
        var a = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            a[(i * n) + i] = values[i];
        }

        for (uint k = 0; k < 3; k++)
        {
            var v = Enumerable.Range(0, n).Select(i => Normal(50 + k, i)).ToArray();
            var beta = 2 / v.Sum(x => x * x);
            Multiply(a, v, beta, n, 1, n);
            Multiply(a, v, beta, n, n, 1);
        }

        return a;
    }

    /// <summary>Applies I - beta v v^T along one axis of a.</summary>
    private static void Multiply(double[] a, double[] v, double beta, int n, int along, int across)
    {
        for (var i = 0; i < n; i++)
        {
            var dot = 0.0;
            for (var j = 0; j < n; j++)
            {
                dot += a[(i * across) + (j * along)] * v[j];
            }

            for (var j = 0; j < n; j++)
            {
                a[(i * across) + (j * along)] -= beta * dot * v[j];
            }
        }
    }

    private static void Check(double[] a, int n, double[]? expected = null)
    {
        var eigen = SymmetricEigen.Decompose(a, n);
        var norm = Math.Max(a.Max(Math.Abs), double.Epsilon);
        Assert.That(eigen.Values, Is.Ordered.Descending);
        double orthonormality = 0, residual = 0;
        for (var i = 0; i < n; i++)
        {
            var vi = eigen.Vectors.AsSpan(i * n, n);
            for (var j = 0; j < n; j++)
            {
                orthonormality = Math.Max(orthonormality, Math.Abs(Dot(vi, eigen.Vectors.AsSpan(j * n, n)) - (i == j ? 1 : 0)));
                residual = Math.Max(residual, Math.Abs(Dot(a.AsSpan(j * n, n), vi) - (eigen.Values[i] * vi[j])));
            }

            var row = vi.ToArray();
            Assert.That(row[Array.FindIndex(row, x => Math.Abs(x) == row.Max(Math.Abs))], Is.Positive, "sign");
        }

        Assert.That(orthonormality, Is.LessThanOrEqualTo(Tolerance));
        Assert.That(residual / norm, Is.LessThanOrEqualTo(Tolerance));
        if (expected is not null)
        {
            Assert.That(eigen.Values, Is.EqualTo(expected).Within(Tolerance * norm));
        }
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }
}
