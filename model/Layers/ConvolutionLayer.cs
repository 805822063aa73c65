using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Layers;

/// <summary>A convolution with zero padding of half its kernel: a weight [outputs, kernel, kernel, inputs] and a bias [outputs].</summary>
/// <param name="parameters">Where the two are declared.</param>
/// <param name="name">Prefix of their names: name.weight, name.bias.</param>
/// <param name="inputs">Channels in.</param>
/// <param name="outputs">Channels out.</param>
/// <param name="kernel">Side of the kernel, in pixels; odd.</param>
/// <param name="stride">Pixels from one window to the next: 2 halves both sides of the image.</param>
/// <param name="weightStart">Start of the weight; Xavier uniform over a window's values when not given.</param>
public sealed class ConvolutionLayer(
    ParameterSet parameters, string name, int inputs, int outputs, int kernel = 3, int stride = 1, Initializer? weightStart = null)
{
    /// <summary>[outputs, kernel, kernel, inputs].</summary>
    public Parameter Weight { get; } = parameters.Declare(
        $"{name}.weight",
        new Shape(outputs, kernel, kernel, inputs),
        weightStart ?? Initializer.XavierUniform(outputs * kernel * kernel, inputs * kernel * kernel));

    /// <summary>[outputs].</summary>
    public Parameter Bias { get; } = parameters.Declare($"{name}.bias", new Shape(outputs), Initializer.Zeros);

    /// <summary>Applies the convolution.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, H, W, inputs].</param>
    /// <param name="residual">Added last, of the result's shape; or null.</param>
    /// <returns>[B, H / stride, W / stride, outputs], odd sizes rounded up.</returns>
    public Tensor Apply(Tape tape, Tensor x, Tensor? residual = null) =>
        Convolution.Apply(tape, x, Weight.Value, Bias.Value, stride, residual: residual);
}
