using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Model;

/// <summary>The whole l-DAE loss differentiated with respect to every parameter, on random parameters.</summary>
public sealed class WholeLossGradientTests
{
    [TestCase(true)]
    [TestCase(false)]
    public void Every_parameter_gradient_agrees_with_central_differences(bool time)
    {
        using var backend = new ReferenceBackend();
        Assert.That(LargestError(backend, time), Is.LessThanOrEqualTo(1e-6));
    }

    /// <summary>The largest error of a parameter's gradient along a random direction; infinite for one without a gradient.</summary>
    internal static double LargestError(IBackend backend, bool time)
    {
        using var denoiser = new SmallDenoiser(backend, time);
        var gradients = denoiser.Gradients();
        var largest = 0.0;
        foreach (var parameter in denoiser.Parameters.All)
        {
            var start = parameter.Value.ReadDoubles(backend);
            var gradient = gradients[parameter.Name];
            var direction = Direction((uint)parameter.Index, gradient.Length);
            var analytic = gradient.Zip(direction, (g, d) => g * d).Sum();
            var norm = Math.Sqrt(gradient.Sum(g => g * g));
            var error = CentralDifference.Error(analytic, norm, h =>
            {
                parameter.Value.Write(backend, start.Zip(direction, (v, d) => v + (h * d)).ToArray());
                return denoiser.Loss();
            });
            parameter.Value.Write(backend, start);
            largest = Math.Max(largest, norm > 1e-8 ? error : double.PositiveInfinity);
        }

        return largest;
    }

    private static double[] Direction(uint parameter, int count) => [.. Enumerable.Range(0, count).Select(i => Philox.Normals<double>(
        Philox.Word(9, RandomStream.Case, parameter, (ulong)(2 * i)), Philox.Word(9, RandomStream.Case, parameter, (ulong)(2 * i) + 1)).First)];

    [TestCase(true)]
    [TestCase(false)]
    public void Recompute_gives_bit_identical_gradients(bool time)
    {
        using var backend = new ReferenceBackend();
        using var kept = new SmallDenoiser(backend, time);
        using var recomputed = new SmallDenoiser(backend, time, recompute: true);
        var expected = kept.Gradients();
        var actual = recomputed.Gradients();
        foreach (var (name, gradient) in expected)
        {
            Assert.That(actual[name], Is.EqualTo(gradient), name);
        }
    }
}
