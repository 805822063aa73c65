using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Parameters;

/// <summary>
/// All parameters of a network in one flat buffer, their gradients in a second: the optimizer, the average, the gradient norm
/// and a checkpoint are one pass each over contiguous memory. Layers declare first, then memory is allocated once.
/// Each parameter starts at a multiple of 16 elements unless it is declared otherwise; the few elements between hold zeros and stay zero.
/// </summary>
/// <param name="backend">The device of the buffers.</param>
public sealed class ParameterSet(IBackend backend) : IDisposable
{
    private const int Align = 16;
    private readonly List<Parameter> _parameters = [];
    private readonly Dictionary<string, Parameter> _byName = [];
    private readonly List<Storage> _storages = [];
    private Tensor? _values, _gradients, _rounded;

    /// <summary>The device of the buffers.</summary>
    public IBackend Backend { get; } = backend;

    /// <summary>The parameters in order of declaration.</summary>
    public IReadOnlyList<Parameter> All => _parameters;

    /// <summary>Number of trained values.</summary>
    public long Count => _parameters.Sum(p => p.Shape.Count);

    /// <summary>Elements of one flat buffer, with the padding between parameters.</summary>
    public long FlatCount { get; private set; }

    /// <summary>All values.</summary>
    public Tensor Values => _values ?? throw new InvalidOperationException("ParameterSet.Allocate was not called.");

    /// <summary>All gradients.</summary>
    public Tensor Gradients => _gradients ?? throw new InvalidOperationException("ParameterSet.Allocate was not called.");

    /// <summary>All values rounded to the activation type, once <see cref="Round"/> was called where that is another type; else null.</summary>
    public Tensor? Rounded => _rounded;

    /// <summary>A parameter by its name.</summary>
    /// <param name="name">Name in checkpoints.</param>
    public Parameter this[string name] => _byName[name];

    /// <summary>Declares a parameter.</summary>
    /// <param name="name">Name in checkpoints; unique.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="initializer">How it starts.</param>
    /// <param name="alignment">Elements of which a multiple comes before it; 1 to follow the parameter before it directly, so that several are rows of one matrix.</param>
    /// <returns>The parameter, without memory until <see cref="Allocate"/>.</returns>
    public Parameter Declare(string name, Shape shape, Initializer initializer, int alignment = Align)
    {
        if (_values is not null)
        {
            throw new InvalidOperationException($"{name} was declared after the parameters were allocated.");
        }

        var end = _parameters.Count == 0 ? 0 : _parameters[^1].Offset + _parameters[^1].Shape.Count;
        var parameter = new Parameter(name, shape, initializer, _parameters.Count, (end + alignment - 1) / alignment * alignment);
        _byName.Add(name, parameter);
        _parameters.Add(parameter);
        FlatCount = (parameter.Offset + shape.Count + Align - 1) / Align * Align;
        return parameter;
    }

    /// <summary>Allocates the two buffers and binds every parameter to its place in them.</summary>
    /// <param name="gradients">Whether the parameters are trained; without, there are values only, and no gradient flows to them.</param>
    public void Allocate(bool gradients = true)
    {
        _values = NewFlat();
        _gradients = gradients ? NewFlat() : null;
        foreach (var p in _parameters)
        {
            p.Bind(View(_values, p), _gradients is null ? null : View(_gradients, p));
        }
    }

    /// <summary>One more zeroed buffer of the same length: optimizer state, a moving average.</summary>
    /// <returns>[FlatCount] of the parameter type; freed with the set.</returns>
    /// <exception cref="LdaeException">Configuration: there are more parameters than one buffer holds.</exception>
    public Tensor NewFlat()
    {
        if (FlatCount > int.MaxValue)
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"The network has {Count:N0} parameters, more than the {int.MaxValue:N0} that one buffer holds.",
                "Choose a network of less width or depth.");
        }

        var storage = Backend.Allocate(FlatCount * Backend.ParameterType.Size());
        _storages.Add(storage);
        var flat = new Tensor(new Shape((int)FlatCount), Backend.ParameterType, storage.Address);
        Backend.Fill(flat, 0);
        return flat;
    }

    /// <summary>The view of a flat buffer that belongs to a parameter.</summary>
    /// <param name="flat">A buffer of <see cref="NewFlat"/>.</param>
    /// <param name="parameter">A parameter of this set.</param>
    /// <returns>The parameter's part.</returns>
    public static Tensor View(Tensor flat, Parameter parameter) =>
        new(parameter.Shape, flat.DType, (nint)(flat.Address + (parameter.Offset * flat.DType.Size())));

    /// <summary>Sets every parameter to its start.</summary>
    /// <param name="seed">The run's seed.</param>
    public void Initialize(ulong seed)
    {
        foreach (var p in _parameters)
        {
            var values = new double[p.Shape.Count];
            p.Initializer.Fill(seed, p.Index, values);
            p.Value.Write(Backend, values);
        }
    }

    /// <summary>
    /// Keeps a copy of the values in the activation type from now on, for products to read, and brings it up to date; nothing happens where
    /// parameters have that type already. Code that changes values later must change the copy too (<see cref="AdamWArgs.Rounded"/>) or call this again.
    /// </summary>
    public void Round()
    {
        var type = Backend.ActivationType;
        if (type == Backend.ParameterType)
        {
            return;
        }

        if (_rounded is null)
        {
            var storage = Backend.Allocate(FlatCount * type.Size());
            _storages.Add(storage);
            _rounded = new Tensor(new Shape((int)FlatCount), type, storage.Address);
            foreach (var p in _parameters)
            {
                p.Value.Rounded = View(_rounded, p);
            }
        }

        Backend.Copy(Values, _rounded);
    }

    /// <summary>Forgets all gradients: the next contribution to each is stored, not added.</summary>
    public void ForgetGradients()
    {
        foreach (var p in _parameters)
        {
            p.Slot!.Stored = false;
        }
    }

    /// <summary>Zeroes the gradients that no backward pass reached since <see cref="ForgetGradients"/>.</summary>
    public void ZeroUntouchedGradients() => ZeroUntouchedGradients(0, FlatCount);

    /// <summary>Zeroes the gradients in a part of the flat buffer that no backward pass reached since <see cref="ForgetGradients"/>.</summary>
    /// <param name="from">First element.</param>
    /// <param name="to">The element after the last.</param>
    public void ZeroUntouchedGradients(long from, long to)
    {
        foreach (var p in _parameters.Where(p => p.Offset >= from && p.Offset < to && !p.Slot!.Stored))
        {
            Backend.Fill(p.Gradient, 0);
        }
    }

    /// <summary>Frees the buffers.</summary>
    public void Dispose() => _storages.ForEach(s => s.Dispose());
}
