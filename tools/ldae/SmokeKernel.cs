using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Runner;

/// <summary>One small kernel on a device: on a GPU that takes the whole way of our own kernels, compiler, driver and launch.</summary>
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
