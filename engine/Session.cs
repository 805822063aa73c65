using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine;

/// <summary>
/// Tensors, parameters and step memory of a program that uses the engine as a library. Memory for a step is found by walking it on a planning
/// device first, so no size has to be given: the function that builds the step runs twice and must not depend on how often it is called.
/// </summary>
public sealed class Session : IDisposable
{
    private readonly List<PersistentTensor> _tensors = [];
    private readonly ParameterSet _parameters;
    private readonly ulong _seed;
    private bool _isAllocated;
    private StepArena? _arena;

    /// <summary>Opens a session on a device.</summary>
    /// <param name="backend">The device; the session disposes it.</param>
    /// <param name="seed">Seed of the parameters' start.</param>
    public Session(IBackend backend, ulong seed = 0)
    {
        (Backend, _seed) = (backend, seed);
        _parameters = new ParameterSet(backend);
    }

    /// <summary>The device.</summary>
    public IBackend Backend { get; }

    /// <summary>The parameters. Reading them allocates them: no parameter can be declared afterwards.</summary>
    public ParameterSet Parameters
    {
        get
        {
            if (!_isAllocated)
            {
                _parameters.Allocate();
                _parameters.Initialize(_seed);
                _isAllocated = true;
            }

            return _parameters;
        }
    }

    /// <summary>Declares a parameter.</summary>
    /// <param name="name">Its name in checkpoints; unique.</param>
    /// <param name="shape">Sizes; a weight is [outputs, inputs].</param>
    /// <param name="initializer">How it starts; Xavier uniform for two axes and more, zeros for one, when not given.</param>
    /// <returns>The parameter; its value is there once <see cref="Parameters"/> has been read or a step has run.</returns>
    public Parameter Parameter(string name, Shape shape, Initializer? initializer = null) => _parameters.Declare(
        name, shape, initializer ?? (shape.Rank > 1 ? Initializer.XavierUniform(shape.Rows, shape.Columns) : Initializer.Zeros));

    /// <summary>A tensor of the activation type that lives as long as the session.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="values">Its elements, row after row.</param>
    /// <returns>The tensor.</returns>
    public Tensor Tensor(Shape shape, params ReadOnlySpan<float> values)
    {
        var tensor = Keep(shape, Backend.ActivationType);
        tensor.Write(Backend, values);
        return tensor;
    }

    /// <summary>A tensor of whole numbers, such as labels, that lives as long as the session.</summary>
    /// <param name="values">Its elements.</param>
    /// <returns>I32 [values].</returns>
    public Tensor Labels(params ReadOnlySpan<int> values)
    {
        var tensor = Keep(new Shape(values.Length), DType.I32);
        Backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>Computes a loss and the gradients of all parameters.</summary>
    /// <param name="loss">Builds the loss, one element, on the tape.</param>
    /// <returns>The loss.</returns>
    public double Differentiate(Func<Tape, Tensor> loss)
    {
        var parameters = Parameters;
        double Step(Tape tape)
        {
            parameters.ForgetGradients();
            var value = loss(tape);
            var read = value.ReadDoubles(tape.Backend)[0];
            tape.Backward(value);
            return read;
        }

        var found = Run(Step);
        parameters.ZeroUntouchedGradients();
        return found;
    }

    /// <summary>Computes something without gradients.</summary>
    /// <param name="work">Builds the result on the tape.</param>
    /// <returns>The elements of the result.</returns>
    public float[] Evaluate(Func<Tape, Tensor> work)
    {
        _ = Parameters;
        return Run(tape => tape.WithoutRecording(() => [work(tape)])[0].ReadFloats(tape.Backend));
    }

    /// <summary>Frees everything, the device included.</summary>
    public void Dispose()
    {
        _arena?.Dispose();
        _tensors.ForEach(tensor => tensor.Dispose());
        _parameters.Dispose();
        Backend.Dispose();
    }

    private Tensor Keep(Shape shape, DType type)
    {
        var tensor = new PersistentTensor(Backend, shape, type);
        _tensors.Add(tensor);
        return tensor.Tensor;
    }

    private T Run<T>(Func<Tape, T> step)
    {
        using (var device = new PlanBackend(Backend.ActivationType, Backend.ParameterType))
        using (var plan = new StepArena(device, 0, ArenaMode.Plan))
        {
            step(new Tape(device, plan));
            plan.Reset();
            if (_arena is null || _arena.Capacity < plan.Peak)
            {
                _arena?.Dispose();
                _arena = new StepArena(Backend, plan.Peak, StepArena.DefaultMode);
            }
        }

        var result = step(new Tape(Backend, _arena));
        _arena.Reset();
        return result;
    }
}
