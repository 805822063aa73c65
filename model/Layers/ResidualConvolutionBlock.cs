using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Layers;

/// <summary>
/// x + conv2(silu(norm2(conv1(silu(norm1(x)))))), both convolutions 3x3. Where the channels change, x passes through a convolution of one
/// pixel first. The block of the autoencoders of latent diffusion (Rombach et al. 2022), without time and dropout.
/// </summary>
/// <param name="parameters">Where its parameters are declared.</param>
/// <param name="name">Prefix of their names.</param>
/// <param name="inputs">Channels in.</param>
/// <param name="outputs">Channels out.</param>
/// <param name="groups">Groups of the normalisations; divides both.</param>
public sealed class ResidualConvolutionBlock(ParameterSet parameters, string name, int inputs, int outputs, int groups)
{
    private readonly GroupNormLayer _norm1 = new(parameters, $"{name}.norm1", inputs, groups);
    private readonly ConvolutionLayer _conv1 = new(parameters, $"{name}.conv1", inputs, outputs);
    private readonly GroupNormLayer _norm2 = new(parameters, $"{name}.norm2", outputs, groups);
    private readonly ConvolutionLayer _conv2 = new(parameters, $"{name}.conv2", outputs, outputs);
    private readonly ConvolutionLayer? _skip = inputs == outputs ? null : new(parameters, $"{name}.skip", inputs, outputs, kernel: 1);

    /// <summary>Applies the block.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, H, W, inputs].</param>
    /// <returns>[B, H, W, outputs].</returns>
    public Tensor Apply(Tape tape, Tensor x)
    {
        var h = _conv1.Apply(tape, _norm1.ApplyWithSilu(tape, x));
        return _conv2.Apply(tape, _norm2.ApplyWithSilu(tape, h), _skip?.Apply(tape, x) ?? x);
    }
}
