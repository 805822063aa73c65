using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Numerics;

/// <summary>The factor whitens: with A = L L^T, the columns of L^-1 A are the rows of L, and L^-1 A L^-T is the identity.</summary>
public sealed class CholeskyTests
{
    [TestCase(1)]
    [TestCase(3)]
    [TestCase(17)]
    [TestCase(96)]
    public void Twice_solved_a_matrix_is_the_identity(int n)
    {
        var a = PositiveDefinite(n);
        var factor = Cholesky.Factor(a, n);
        var half = SolveRows(factor, a, n);
        var whole = SolveRows(factor, Transposed(half, n), n);
        for (var i = 0; i < n * n; i++)
        {
            Assert.That(whole[i], Is.EqualTo(i / n == i % n ? 1 : 0).Within(1e-10));
        }
    }

    [Test]
    public void The_upper_triangle_is_not_read()
    {
        var a = PositiveDefinite(5);
        double[] x = [1, -2, 3, 0.5, 4], y = [.. x];
        Cholesky.Factor(a, 5).Solve(x);
        for (var i = 0; i < 25; i++)
        {
            a[i] = i % 5 > i / 5 ? double.NaN : a[i];
        }

        Cholesky.Factor(a, 5).Solve(y);
        Assert.That(y, Is.EqualTo(x));
    }

    [Test]
    public void An_indefinite_matrix_is_refused() =>
        Assert.That(() => Cholesky.Factor([1, 2, 2, 1], 2), Throws.ArgumentException.With.Message.Contains("pivot 1"));

    private static double[] PositiveDefinite(int n)
    {
        var x = Enumerable.Range(0, n * n).Select(i => (double)Philox.Uniform(Philox.Word(3, RandomStream.Case, 0, (ulong)i)) - 0.5).ToArray();
        var a = new double[n * n];
        for (var i = 0; i < n * n; i++)
        {
            var (r, c) = (i / n, i % n);
            a[i] = Enumerable.Range(0, n).Sum(k => x[(r * n) + k] * x[(c * n) + k]) + (r == c ? 0.1 : 0);
        }

        return a;
    }

    private static double[] SolveRows(Cholesky factor, double[] rows, int n)
    {
        var solved = (double[])rows.Clone();
        for (var i = 0; i < n; i++)
        {
            factor.Solve(solved.AsSpan(i * n, n));
        }

        return solved;
    }

    private static double[] Transposed(double[] a, int n) => [.. Enumerable.Range(0, n * n).Select(i => a[(i % n * n) + (i / n)])];
}
