using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Bench;

/// <summary>The memory of one op case on a device: inputs with random values, and room for results and gradients that is planned and then reused.</summary>
internal sealed class CaseBuffers : IDisposable
{
    private const int DrawnAtMost = 1 << 20;

    private readonly OpCase _case;
    private readonly IBackend _backend;
    private readonly StepArena _inputArena, _work;
    private readonly Tensor[] _inputs;
    private readonly List<PersistentTensor> _gradients = [];
    private Tape? _tape;
    private Tensor[] _results = [];

    /// <summary>Allocates and fills.</summary>
    /// <param name="opCase">The case.</param>
    /// <param name="backend">Where.</param>
    /// <param name="values">Of the inputs, by <see cref="Draw"/>.</param>
    public CaseBuffers(OpCase opCase, IBackend backend, IReadOnlyList<double[]> values)
    {
        (_case, _backend) = (opCase, backend);
        var (inputs, work) = Plan(opCase, backend);
        _inputArena = new StepArena(backend, inputs, ArenaMode.Packed);

        // The seeded gradients lie elsewhere, unlike in the plan: blocks fall into other gaps, which may need more room in all.
        _work = new StepArena(backend, 2 * work, ArenaMode.Packed);
        var tape = new Tape(backend, _inputArena);
        _inputs = [.. opCase.Inputs.Select((input, i) => input.Place(tape, values[i], opCase.Differentiable))];
    }

    /// <summary>Bytes that a case takes on a device.</summary>
    public static long Bytes(OpCase opCase, IBackend backend)
    {
        var (inputs, work) = Plan(opCase, backend);
        return inputs + work;
    }

    /// <summary>Random values for the inputs. Large ones repeat a drawn block: speed does not depend on a period of a million.</summary>
    public static double[][] Draw(OpCase opCase) => [.. opCase.Inputs.Select((input, i) =>
    {
        if (input.Orthonormal || input.Shape.Count <= DrawnAtMost)
        {
            return input.Draw(1, (uint)i);
        }

        var block = (input with { Shape = new Shape(DrawnAtMost) }).Draw(1, (uint)i);
        var values = new double[input.Shape.Count];
        for (var first = 0; first < values.Length; first += block.Length)
        {
            block.AsSpan(0, Math.Min(block.Length, values.Length - first)).CopyTo(values.AsSpan(first));
        }

        return values;
    })];

    /// <summary>Runs the forward pass.</summary>
    public void Forward()
    {
        _tape = new Tape(_backend, _work);
        _results = _case.Run(_tape, _inputs);
    }

    /// <summary>Puts random gradients at the results of the forward pass.</summary>
    public void Seed()
    {
        var differentiated = _results.Where(result => result.RequiresGradient).ToArray();
        for (var i = 0; i < differentiated.Length; i++)
        {
            var result = differentiated[i];
            if (_gradients.Count == i)
            {
                var gradient = new PersistentTensor(_backend, result.Shape, result.DType);
                gradient.Tensor.Write(_backend, Weights(result.Shape));
                _gradients.Add(gradient);
            }

            (result.Slot!.Gradient, result.Slot.Stored) = (_gradients[i].Tensor, true);
        }
    }

    /// <summary>Runs the backward pass of what was recorded.</summary>
    public void Backward() => _tape!.Backward();

    /// <summary>Gives results and gradients back; inputs stay.</summary>
    public void Clear()
    {
        _work.Reset();
        foreach (var slot in _inputs.Select(input => input.Slot).OfType<GradientSlot>())
        {
            (slot.Gradient, slot.Stored) = (null, false);
        }
    }

    /// <summary>Frees everything.</summary>
    public void Dispose()
    {
        _work.Dispose();
        _inputArena.Dispose();
        _gradients.ForEach(gradient => gradient.Dispose());
    }

    private float[] Weights(Shape shape)
    {
        var weights = new float[shape.Count];
        weights[0] = 1;
        for (var i = 0; i < weights.Length && !_case.FirstElementOnly; i++)
        {
            weights[i] = Philox.Uniform(Philox.Word(2, RandomStream.Case, 0, (ulong)i)) - 0.5f;
        }

        return weights;
    }

    private static (long Inputs, long Work) Plan(OpCase opCase, IBackend backend)
    {
        using var plan = new PlanBackend(backend.ActivationType, backend.ParameterType);
        using var inputs = new StepArena(plan, 0, ArenaMode.Plan);
        using var work = new StepArena(plan, 0, ArenaMode.Plan);
        var placing = new Tape(plan, inputs);
        var placed = opCase.Inputs.Select(input => input.Place(placing, [], opCase.Differentiable)).ToArray();
        var tape = new Tape(plan, work);
        var results = opCase.Run(tape, placed);
        if (opCase.Differentiable)
        {
            foreach (var result in results.Where(result => result.RequiresGradient))
            {
                tape.Outgoing(result, out _);
            }

            tape.Backward();
        }

        return (inputs.Peak, work.Peak);
    }
}
