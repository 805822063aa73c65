using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Ops;

/// <summary>Every op's backward against central differences of its forward, in float64 on the reference backend.</summary>
public sealed class GradientTests
{
    private const int Directions = 8;

    private static IEnumerable<TestCaseData> Cases() => OpCatalog.All
        .Where(c => c is { Differentiable: true, TimingOnly: false })
        .Select(c => new TestCaseData(c).SetArgDisplayNames(c.ToString()));

    [TestCaseSource(nameof(Cases))]
    public void Backward_agrees_with_central_differences(OpCase opCase)
    {
        using var backend = new ReferenceBackend();
        var values = CaseRun.Draw(opCase, 5);
        double[]?[] gradients;
        using (var run = new CaseRun(opCase, backend, values))
        {
            gradients = run.Gradients();
        }

        for (var direction = 0; direction < Directions; direction++)
        {
            var step = Direction(opCase, (uint)direction);
            var analytic = gradients.Select((g, i) => g is null ? 0 : g.Zip(step[i], (a, b) => a * b).Sum()).Sum();
            var norm = Math.Sqrt(gradients.Where(g => g is not null).Sum(g => g!.Sum(v => v * v)));
            var error = CentralDifference.Error(analytic, norm, h => Along(opCase, backend, values, step, h));
            Assert.That(error, Is.LessThanOrEqualTo(1e-6), $"direction {direction}: analytic {analytic:R}");
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void Every_differentiable_input_gets_a_gradient_of_its_own_shape(OpCase opCase)
    {
        using var backend = new ReferenceBackend();
        using var run = new CaseRun(opCase, backend, CaseRun.Draw(opCase, 5));
        var gradients = run.Gradients();
        for (var i = 0; i < gradients.Length; i++)
        {
            var expected = opCase.Inputs[i].Differentiable ? opCase.Inputs[i].Shape.Count : 0;
            Assert.That(gradients[i]?.LongLength ?? 0, Is.EqualTo(expected), opCase.Inputs[i].Name);
        }
    }

    private static double Along(OpCase opCase, ReferenceBackend backend, double[][] values, double[][] step, double h)
    {
        var moved = values.Select((v, i) => v.Zip(step[i], (a, b) => a + (h * b)).ToArray()).ToArray();
        using var run = new CaseRun(opCase, backend, moved);
        return run.Objective();
    }

    /// <summary>A random direction of unit length over all differentiable inputs.</summary>
    private static double[][] Direction(OpCase opCase, uint direction)
    {
        var step = opCase.Inputs.Select((input, i) => Enumerable.Range(0, (int)input.Shape.Count)
            .Select(e =>
            {
                var (x, y, _, _) = Philox.Block(17 + direction, RandomStream.Case, (uint)i, (ulong)e);
                return input.Differentiable ? Philox.Normals<double>(x, y).First : 0;
            }).ToArray()).ToArray();
        var length = Math.Sqrt(step.Sum(s => s.Sum(v => v * v)));
        return step.Select(s => s.Select(v => v / length).ToArray()).ToArray();
    }
}
