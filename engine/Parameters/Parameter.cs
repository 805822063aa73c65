using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Parameters;

/// <summary>One trained tensor: a name, a place in the flat buffers, and how it starts.</summary>
public sealed class Parameter
{
    private Tensor? _value, _gradient;

    internal Parameter(string name, Shape shape, Initializer initializer, int index, long offset)
    {
        Name = name;
        Shape = shape;
        Initializer = initializer;
        Index = index;
        Offset = offset;
    }

    /// <summary>Name in checkpoints, such as blocks.0.attn.qkv.weight.</summary>
    public string Name { get; }

    /// <summary>Sizes; a weight is [outputs, inputs].</summary>
    public Shape Shape { get; }

    /// <summary>How the values start.</summary>
    public Initializer Initializer { get; }

    /// <summary>Order of declaration.</summary>
    public int Index { get; }

    /// <summary>First element in the flat buffers.</summary>
    public long Offset { get; }

    /// <summary>Whether weight decay applies: to matrices, not to biases and other one-axis parameters.</summary>
    public bool Decays => Shape.Rank > 1;

    /// <summary>The values; carries the gradient slot.</summary>
    public Tensor Value => _value ?? throw NotAllocated();

    /// <summary>The gradient, in the flat buffer.</summary>
    public Tensor Gradient => _gradient ?? throw NotAllocated();

    internal GradientSlot? Slot => _value?.Slot;

    internal void Bind(Tensor value, Tensor? gradient)
    {
        _gradient = gradient;
        var slot = gradient is null ? null : new GradientSlot { Persistent = true, Gradient = gradient };
        _value = new Tensor(value.Shape, value.DType, value.Address, null, slot);
    }

    private InvalidOperationException NotAllocated() => new($"The parameter {Name} has no memory yet: call ParameterSet.Allocate first.");
}
