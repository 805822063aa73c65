using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Layers;

/// <summary>Group normalisation and the SiLU that always follows it here. Weight and bias [channels] start at one and zero.</summary>
/// <param name="parameters">Where the two are declared.</param>
/// <param name="name">Prefix of their names: name.weight, name.bias.</param>
/// <param name="channels">Channels.</param>
/// <param name="groups">Groups of neighbouring channels; divides channels.</param>
public sealed class GroupNormLayer(ParameterSet parameters, string name, int channels, int groups)
{
    /// <summary>[channels].</summary>
    public Parameter Weight { get; } = parameters.Declare($"{name}.weight", new Shape(channels), Initializer.Constant(1));

    /// <summary>[channels].</summary>
    public Parameter Bias { get; } = parameters.Declare($"{name}.bias", new Shape(channels), Initializer.Zeros);

    /// <summary>silu(normalised x * weight + bias).</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, H, W, channels].</param>
    /// <returns>The same shape.</returns>
    public Tensor ApplyWithSilu(Tape tape, Tensor x) => Silu.Apply(tape, GroupNormalization.Apply(tape, x, groups, Weight.Value, Bias.Value));
}
