namespace LDaeCore.Engine.Numerics;

/// <summary>
/// The factor L of a symmetric positive definite matrix, A = L L^T, lower triangular, in float64. All inner loops run along rows.
/// </summary>
public sealed class Cholesky
{
    private readonly double[] _factor;
    private readonly int _n;

    private Cholesky(double[] factor, int n) => (_factor, _n) = (factor, n);

    /// <summary>Factors a matrix.</summary>
    /// <param name="matrix">Symmetric [n, n], row-major; only the lower triangle is read.</param>
    /// <param name="n">Its size, at least 1.</param>
    /// <returns>The factor.</returns>
    /// <exception cref="ArgumentException">Not n x n, or not positive definite.</exception>
    public static Cholesky Factor(ReadOnlySpan<double> matrix, int n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(matrix.Length, n * n, nameof(matrix));
        var l = matrix.ToArray();
        for (var i = 0; i < n; i++)
        {
            var row = l.AsSpan(i * n, n);
            for (var j = 0; j < i; j++)
            {
                row[j] = (row[j] - RowKernels.Dot(row[..j], l.AsSpan(j * n, j))) / l[(j * n) + j];
            }

            var pivot = row[i] - RowKernels.Dot(row[..i], row[..i]);
            if (!(pivot > 0))
            {
                throw new ArgumentException($"The matrix is not positive definite: pivot {i} is {pivot}.", nameof(matrix));
            }

            row[i] = Math.Sqrt(pivot);
            row[(i + 1)..].Clear();
        }

        return new Cholesky(l, n);
    }

    /// <summary>x becomes L^-1 x, by substitution from the first row on.</summary>
    /// <param name="x">[n].</param>
    public void Solve(Span<double> x)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(x.Length, _n, nameof(x));
        for (var i = 0; i < _n; i++)
        {
            x[i] = (x[i] - RowKernels.Dot(x[..i], _factor.AsSpan(i * _n, i))) / _factor[(i * _n) + i];
        }
    }
}
