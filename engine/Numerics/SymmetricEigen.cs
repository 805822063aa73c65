namespace LDaeCore.Engine.Numerics;

/// <summary>
/// Eigenvalues and eigenvectors of a real symmetric matrix in float64: Householder reflections make it tridiagonal, implicit QL steps with
/// Wilkinson's shift make it diagonal (Golub and Van Loan, "Matrix Computations", sections 8.3.1 and 8.3.3). All inner loops run along rows.
/// Backward stable: residuals and departures from orthonormality are a small multiple of the rounding unit, also for repeated eigenvalues.
/// </summary>
public sealed class SymmetricEigen
{
    private const int MaxSweeps = 60;
    private const double Unit = 2.220446049250313e-16;

    private SymmetricEigen(double[] values, double[] vectors) => (Values, Vectors) = (values, vectors);

    /// <summary>Eigenvalues [n], falling.</summary>
    public double[] Values { get; }

    /// <summary>Orthonormal eigenvectors as rows [n, n] in the eigenvalues' order; the first largest-magnitude entry of each is positive.</summary>
    public double[] Vectors { get; }

    /// <summary>Decomposes a matrix.</summary>
    /// <param name="matrix">Symmetric [n, n].</param>
    /// <returns>Eigenvalues and eigenvectors.</returns>
    public static SymmetricEigen Decompose(double[,] matrix)
    {
        var n = matrix.GetLength(0);
        return n >= 1 && matrix.GetLength(1) == n
            ? Decompose(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(ref matrix[0, 0], n * n), n)
            : throw new ArgumentException($"A matrix of {n} x {matrix.GetLength(1)} is not square, or empty.", nameof(matrix));
    }

    /// <summary>Decomposes a matrix.</summary>
    /// <param name="matrix">Symmetric [n, n], row-major.</param>
    /// <param name="n">Its size, at least 1.</param>
    /// <returns>Eigenvalues and eigenvectors.</returns>
    /// <exception cref="ArgumentException">Not n x n, not finite, or not symmetric to 1e-9 of its largest entry.</exception>
    public static SymmetricEigen Decompose(ReadOnlySpan<double> matrix, int n)
    {
        var a = Scaled(matrix, n, out var scale);
        var diagonal = new double[n];
        var off = new double[n];
        var vectors = Tridiagonalize(a, n, diagonal, off);
        Diagonalize(diagonal, off, vectors, n);
        return Sorted(diagonal, vectors, n, scale);
    }

    /// <summary>A copy with its largest entry between 1 and 2, so that no square overflows or vanishes; a power of two undoes it.</summary>
    private static double[] Scaled(ReadOnlySpan<double> matrix, int n, out double scale)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(matrix.Length, n * n, nameof(matrix));
        var largest = 0.0;
        foreach (var value in matrix)
        {
            largest = double.IsFinite(value) ? Math.Max(largest, Math.Abs(value)) : throw new ArgumentException($"The matrix holds {value}.", nameof(matrix));
        }

        var exponent = largest == 0 ? 0 : Math.ILogB(largest);
        scale = Math.ScaleB(1, exponent);
        var a = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var (low, high) = (Math.Min(i, j), Math.Max(i, j));
                var (upper, lower) = (matrix[(low * n) + high], matrix[(high * n) + low]);
                if (Math.Abs(upper - lower) > 1e-9 * largest)
                {
                    throw new ArgumentException($"Entries ({i}, {j}) and ({j}, {i}) differ: the matrix is not symmetric.", nameof(matrix));
                }

                a[(i * n) + j] = Math.ScaleB(upper, -exponent);
            }
        }

        return a;
    }

    /// <summary>A = Q T Q^T. Destroys a: row k keeps the reflection that cleared it. Returns Q^T, whose rows the QL steps rotate.</summary>
    private static double[] Tridiagonalize(double[] a, int n, double[] diagonal, double[] off)
    {
        var betas = new double[n];
        var p = new double[n];
        for (var k = 0; k < n - 1; k++)
        {
            diagonal[k] = a[(k * n) + k];
            var v = a.AsSpan((k * n) + k + 1, n - k - 1);
            (betas[k], off[k]) = Reflection(v);
            if (betas[k] != 0)
            {
                Reflect(a, n, k + 1, v, betas[k], p.AsSpan(0, n - k - 1));
            }
        }

        diagonal[n - 1] = a[(n * n) - 1];
        return Accumulate(a, n, betas, p);
    }

    /// <summary>Turns x into the v of I - beta v v^T, which maps x to a multiple of the first axis.</summary>
    private static (double Beta, double Image) Reflection(Span<double> x)
    {
        var tail = RowKernels.Dot(x[1..], x[1..]);
        if (tail < 1e-290)
        {
            // Nothing to clear that counts against entries near one.
            return (0, x[0]);
        }

        var image = -Math.CopySign(Math.Sqrt(Math.FusedMultiplyAdd(x[0], x[0], tail)), x[0]);
        x[0] -= image;
        return (2 / Math.FusedMultiplyAdd(x[0], x[0], tail), image);
    }

    /// <summary>H A H for the trailing block, H = I - beta v v^T: A - v w^T - w v^T with w = p - (beta p.v / 2) v, p = beta A v.</summary>
    private static void Reflect(double[] a, int n, int first, ReadOnlySpan<double> v, double beta, Span<double> p)
    {
        for (var i = 0; i < p.Length; i++)
        {
            p[i] = beta * RowKernels.Dot(a.AsSpan(((first + i) * n) + first, p.Length), v);
        }

        RowKernels.AddScaled(-0.5 * beta * RowKernels.Dot(p, v), v, p);
        for (var i = 0; i < p.Length; i++)
        {
            var row = a.AsSpan(((first + i) * n) + first, p.Length);
            RowKernels.AddScaled(-v[i], p, row);
            RowKernels.AddScaled(-p[i], v, row);
        }
    }

    /// <summary>Q = H_0 H_1 ..., applied from the last, so that each changes only the trailing block; transposed at the end.</summary>
    private static double[] Accumulate(double[] a, int n, double[] betas, double[] sum)
    {
        var q = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            q[(i * n) + i] = 1;
        }

        for (var k = n - 2; k >= 0; k--)
        {
            if (betas[k] == 0)
            {
                continue;
            }

            var v = a.AsSpan((k * n) + k + 1, n - k - 1);
            var s = sum.AsSpan(0, v.Length);
            s.Clear();
            for (var i = 0; i < v.Length; i++)
            {
                RowKernels.AddScaled(v[i], q.AsSpan(((k + 1 + i) * n) + k + 1, v.Length), s);
            }

            for (var i = 0; i < v.Length; i++)
            {
                RowKernels.AddScaled(-betas[k] * v[i], s, q.AsSpan(((k + 1 + i) * n) + k + 1, v.Length));
            }
        }

        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < i; j++)
            {
                (q[(i * n) + j], q[(j * n) + i]) = (q[(j * n) + i], q[(i * n) + j]);
            }
        }

        return q;
    }

    /// <summary>Implicit QL steps until every off-diagonal entry is negligible against the matrix's norm.</summary>
    private static void Diagonalize(double[] d, double[] e, double[] vectors, int n)
    {
        var norm = 0.0;
        for (var i = 0; i < n; i++)
        {
            norm = Math.Max(norm, Math.Abs(d[i]) + Math.Abs(e[i]));
        }

        for (var first = 0; first < n; first++)
        {
            for (var sweep = 0; ; sweep++)
            {
                var last = first;
                while (last < n - 1 && Math.Abs(e[last]) > Unit * norm)
                {
                    last++;
                }

                if (last == first)
                {
                    break;
                }

                if (sweep == MaxSweeps)
                {
                    throw new InvalidOperationException($"Eigenvalue {first} of {n} did not converge in {MaxSweeps} sweeps.");
                }

                Sweep(d, e, vectors, n, first, last);
            }
        }
    }

    /// <summary>One QL step on the unreduced block first..last: a rotation of the last plane by the shift, then the bulge is chased up.</summary>
    private static void Sweep(double[] d, double[] e, double[] vectors, int n, int first, int last)
    {
        // Wilkinson's shift: the eigenvalue of the leading 2 x 2 block that is nearer to d[first].
        var half = (d[first + 1] - d[first]) / (2 * e[first]);
        var shift = d[first] - (e[first] / (half + Math.CopySign(Math.Sqrt((half * half) + 1), half)));
        var along = d[last] - shift;
        double c = 1, s = 1, carried = 0;
        for (var i = last - 1; i >= first; i--)
        {
            var bulge = s * e[i];
            var inner = c * e[i];
            var radius = Math.Sqrt((bulge * bulge) + (along * along));
            e[i + 1] = radius;
            if (radius == 0)
            {
                // The block splits here; the next sweep takes the upper part.
                d[i + 1] -= carried;
                e[last] = 0;
                return;
            }

            (s, c) = (bulge / radius, along / radius);
            var reduced = d[i + 1] - carried;
            var turn = ((d[i] - reduced) * s) + (2 * c * inner);
            carried = s * turn;
            d[i + 1] = reduced + carried;
            along = (c * turn) - inner;
            RowKernels.Rotate(c, s, vectors.AsSpan(i * n, n), vectors.AsSpan((i + 1) * n, n));
        }

        d[first] -= carried;
        e[first] = along;
        e[last] = 0;
    }

    private static SymmetricEigen Sorted(double[] d, double[] vectors, int n, double scale)
    {
        var order = Enumerable.Range(0, n).OrderByDescending(i => d[i]).ToArray();
        var (values, rows) = (new double[n], new double[n * n]);
        for (var i = 0; i < n; i++)
        {
            values[i] = d[order[i]] * scale;
            var from = vectors.AsSpan(order[i] * n, n);
            var to = rows.AsSpan(i * n, n);
            var sign = SignOfLargest(from);
            for (var j = 0; j < n; j++)
            {
                to[j] = sign * from[j];
            }
        }

        return new SymmetricEigen(values, rows);
    }

    private static double SignOfLargest(ReadOnlySpan<double> vector)
    {
        var largest = 0.0;
        foreach (var value in vector)
        {
            if (Math.Abs(value) > Math.Abs(largest))
            {
                largest = value;
            }
        }

        return largest < 0 ? -1 : 1;
    }
}
