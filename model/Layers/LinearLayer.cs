using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Layers;

/// <summary>A weight [outputs, inputs] and a bias [outputs].</summary>
/// <param name="parameters">Where the two are declared.</param>
/// <param name="name">Prefix of their names: name.weight, name.bias.</param>
/// <param name="inputs">Columns in.</param>
/// <param name="outputs">Columns out.</param>
/// <param name="weightStart">Start of the weight; Xavier uniform when not given.</param>
/// <param name="biasStart">Start of the bias; zeros when not given.</param>
public sealed class LinearLayer(
    ParameterSet parameters, string name, int inputs, int outputs, Initializer? weightStart = null, Initializer? biasStart = null)
{
    /// <summary>[outputs, inputs].</summary>
    public Parameter Weight { get; } =
        parameters.Declare($"{name}.weight", new Shape(outputs, inputs), weightStart ?? Initializer.XavierUniform(outputs, inputs));

    /// <summary>[outputs].</summary>
    public Parameter Bias { get; } = parameters.Declare($"{name}.bias", new Shape(outputs), biasStart ?? Initializer.Zeros);

    /// <summary>x W^T + b, then GELU when asked.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[.., inputs].</param>
    /// <param name="gelu">Whether GELU follows.</param>
    /// <returns>[.., outputs].</returns>
    public Tensor Apply(Tape tape, Tensor x, bool gelu = false) => Linear.Apply(tape, x, Weight.Value, Bias.Value, gelu);
}
