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
        using var denoiser = new SmallDenoiser(backend, time);
        var gradients = denoiser.Gradients();
        foreach (var parameter in denoiser.Parameters.All)
        {
            var start = parameter.Value.ReadDoubles(backend);
            var gradient = gradients[parameter.Name];
            var direction = gradient.Select((_, i) => Philox.Normals<double>(Philox.Word(9, RandomStream.Case, (uint)parameter.Index, (ulong)(2 * i)), Philox.Word(9, RandomStream.Case, (uint)parameter.Index, (ulong)(2 * i) + 1)).First).ToArray();
            var analytic = gradient.Zip(direction, (g, d) => g * d).Sum();
            var norm = Math.Sqrt(gradient.Sum(g => g * g));
            var error = CentralDifference.Error(analytic, norm, h =>
            {
                parameter.Value.Write(backend, start.Zip(direction, (v, d) => v + (h * d)).ToArray());
                return denoiser.Loss();
            });
            parameter.Value.Write(backend, start);
            Assert.That(error, Is.LessThanOrEqualTo(1e-6), parameter.Name);
            Assert.That(norm, Is.GreaterThan(1e-8), $"{parameter.Name} has no gradient");
        }
    }

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
