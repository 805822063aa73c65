using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Runner;

/// <summary>One small matrix product on a device, compared with float64 loops.</summary>
internal static class SmokeProduct
{
    // Odd sizes, to cover the edges of tiles.
    public const int Rows = 33, Inner = 65, Columns = 17;

    private const double Tolerance = 1e-5;

    /// <summary>The largest error over the largest value.</summary>
    /// <param name="backend">The device.</param>
    /// <exception cref="LdaeException">Device: the product is wrong.</exception>
    public static double RelativeError(IBackend backend)
    {
        var (a, b) = (Values(Rows * Inner, 1), Values(Inner * Columns, 2));
        using var left = new PersistentTensor(backend, new Shape(Rows, Inner), backend.ParameterType);
        using var right = new PersistentTensor(backend, new Shape(Inner, Columns), backend.ParameterType);
        using var product = new PersistentTensor(backend, new Shape(Rows, Columns), backend.ParameterType);
        left.Tensor.Write(backend, a);
        right.Tensor.Write(backend, b);
        backend.MatMul(new MatMulArgs(left.Tensor, false, right.Tensor, false, product.Tensor));
        backend.Synchronize();

        var error = Compare(a, b, product.Tensor.ReadDoubles(backend));
        return error <= Tolerance
            ? error
            : throw new LdaeException(
                ErrorKind.Device,
                string.Create(CultureInfo.InvariantCulture, $"A matrix product on the {backend.Kind} device is wrong by {error:0.0e+0}, more than {Tolerance:0.0e+0}."),
                "Try --device reference, and report this machine.");
    }

    private static double Compare(double[] a, double[] b, double[] found)
    {
        var (worst, largest) = (0.0, 0.0);
        for (var i = 0; i < Rows; i++)
        {
            for (var j = 0; j < Columns; j++)
            {
                var sum = 0.0;
                for (var k = 0; k < Inner; k++)
                {
                    sum += a[(i * Inner) + k] * b[(k * Columns) + j];
                }

                // Math.Max keeps a NaN, and a NaN fails the tolerance.
                worst = Math.Max(worst, Math.Abs(found[(i * Columns) + j] - sum));
                largest = Math.Max(largest, Math.Abs(sum));
            }
        }

        return worst / largest;
    }

    private static double[] Values(int count, ulong seed)
    {
        var values = new double[count];
        for (var i = 0; i < count; i++)
        {
            var (x, y, _, _) = Philox.Block(seed, RandomStream.Case, 0, (ulong)i);
            values[i] = (float)Philox.Normals<double>(x, y).First;
        }

        return values;
    }
}

/// <summary>One small kernel on a device: on a GPU it uses the compiler, the driver and a launch.</summary>
internal static class SmokeKernel
{
    /// <summary>Values.</summary>
    public const int Count = 1027;

    private const double Tolerance = 1e-5;

    /// <summary>The largest error of x sigmoid(x) over its largest value, for x from -4 to 4.</summary>
    /// <param name="backend">The device.</param>
    /// <exception cref="LdaeException">Device: the values are wrong.</exception>
    public static double RelativeError(IBackend backend)
    {
        using var x = new PersistentTensor(backend, new Shape(Count), backend.ActivationType);
        using var y = new PersistentTensor(backend, new Shape(Count), backend.ActivationType);
        var values = Enumerable.Range(0, Count).Select(i => (double)(float)((8.0 * i / (Count - 1)) - 4)).ToArray();
        x.Tensor.Write(backend, values);
        backend.Silu(x.Tensor, y.Tensor);
        var found = y.Tensor.ReadDoubles(backend);
        var expected = values.Select(v => v / (1 + Math.Exp(-v))).ToArray();

        // Math.Max keeps a NaN, and a NaN fails the tolerance.
        var error = found.Zip(expected, (f, e) => Math.Abs(f - e)).Aggregate(0.0, Math.Max) / expected.Max();
        return error <= Tolerance
            ? error
            : throw new LdaeException(
                ErrorKind.Device,
                string.Create(CultureInfo.InvariantCulture, $"A kernel on the {backend.Kind} device is wrong by {error:0.0e+0}, more than {Tolerance:0.0e+0}."),
                "Try --device reference, and report this machine.");
    }
}
