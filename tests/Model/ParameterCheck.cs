using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Engine.Ops;

namespace LDaeCore.Tests.Model;

/// <summary>The gradients of a scalar with respect to parameters against central differences.</summary>
internal static class ParameterCheck
{
    /// <summary>The parameter whose gradient along a random direction is farthest off; infinitely far is one without a gradient.</summary>
    public static (string Name, double Error) Worst(
        IBackend backend, ParameterSet parameters, IReadOnlyDictionary<string, double[]> gradients, Func<double> loss)
    {
        var worst = ("none", 0.0);
        foreach (var parameter in parameters.All)
        {
            var start = parameter.Value.ReadDoubles(backend);
            var gradient = gradients[parameter.Name];
            var direction = Direction((uint)parameter.Index, gradient.Length);
            var norm = Math.Sqrt(gradient.Sum(g => g * g));
            var error = CentralDifference.Error(gradient.Zip(direction, (g, d) => g * d).Sum(), norm, h =>
            {
                parameter.Value.Write(backend, start.Zip(direction, (v, d) => v + (h * d)).ToArray());
                return loss();
            });
            parameter.Value.Write(backend, start);
            error = norm > 1e-8 ? error : double.PositiveInfinity;
            worst = error > worst.Item2 ? (parameter.Name, error) : worst;
        }

        return worst;
    }

    private static double[] Direction(uint parameter, int count) => [.. Enumerable.Range(0, count).Select(i => Philox.Normals<double>(
        Philox.Word(9, RandomStream.Case, parameter, (ulong)(2 * i)), Philox.Word(9, RandomStream.Case, parameter, (ulong)(2 * i) + 1)).First)];
}
