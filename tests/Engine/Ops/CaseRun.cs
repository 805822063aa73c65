using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Engine.Ops;

/// <summary>
/// One op case on one backend: every tensor an allocation of its own between guard zones, results poisoned first.
/// The scalar that is differentiated is L = sum of w * result with fixed random w.
/// </summary>
public sealed class CaseRun : IDisposable
{
    private readonly IBackend _backend;
    private readonly OpCase _case;
    private readonly StepArena _arena;
    private readonly Tape _tape;
    private readonly Tensor[] _inputs;
    private readonly Tensor[] _results;

    private readonly bool _coarse;

    /// <summary>Runs the forward pass.</summary>
    /// <param name="opCase">The case.</param>
    /// <param name="backend">Where.</param>
    /// <param name="values">The inputs' values.</param>
    /// <param name="coarse">Whether the weights of the objective are bf16 numbers, so that a bf16 backend is given exactly what another one is.</param>
    public CaseRun(OpCase opCase, IBackend backend, IReadOnlyList<double[]> values, bool coarse = false)
    {
        _coarse = coarse;
        _case = opCase;
        _backend = backend;
        _arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        _tape = new Tape(backend, _arena);
        _inputs = opCase.Inputs.Select((input, i) => input.Place(_tape, values[i], opCase.Differentiable)).ToArray();
        _results = opCase.Run(_tape, _inputs);
    }

    /// <summary>The results' values.</summary>
    public double[][] Results() => _results.Select(r => r.ReadDoubles(_backend)).ToArray();

    /// <summary>L.</summary>
    public double Objective() => Results()
        .Select((values, i) => _results[i].RequiresGradient ? values.Zip(Weights(i, values.Length), (v, w) => v * w).Sum() : 0)
        .Sum();

    /// <summary>dL / d(input), one array a differentiable input (null for the others).</summary>
    public double[]?[] Gradients()
    {
        for (var i = 0; i < _results.Length; i++)
        {
            if (_results[i].RequiresGradient)
            {
                _tape.Outgoing(_results[i], out _).Write(_backend, Weights(i, (int)_results[i].Shape.Count));
            }
        }

        _tape.Backward();
        return _inputs.Select(input => input.RequiresGradient ? _tape.Incoming(input)?.ReadDoubles(_backend) : null).ToArray();
    }

    /// <summary>Checks the guard zones of all that is still alive and frees it.</summary>
    public void Dispose() => _arena.Dispose();

    /// <summary>Random values for the inputs of a case, exactly representable in float32.</summary>
    public static double[][] Draw(OpCase opCase, ulong seed) =>
        opCase.Inputs.Select((input, i) => input.Draw(seed, (uint)i)).ToArray();

    /// <summary>The same values with all that is not a parameter rounded to bf16 numbers.</summary>
    public static double[][] Coarse(OpCase opCase, double[][] values) => values
        .Select((v, i) => opCase.Inputs[i].IsParameter || opCase.Inputs[i].Below is not null
            ? v
            : v.Select(x => (double)BFloat16.Value(BFloat16.Bits((float)x))).ToArray())
        .ToArray();

    private double[] Weights(int result, int count)
    {
        var weights = new double[count];
        for (var i = 0; i < (_case.FirstElementOnly ? 1 : count); i++)
        {
            var (x, y, _, _) = Philox.Block(99, RandomStream.Case, 1000 + (uint)result, (ulong)i);
            var weight = (float)Philox.Normals<double>(x, y).First;
            weights[i] = _coarse ? BFloat16.Value(BFloat16.Bits(weight)) : weight;
        }

        return weights;
    }
}
