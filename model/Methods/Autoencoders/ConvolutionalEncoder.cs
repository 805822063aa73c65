using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Layers;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// From pixels to the mean and log variance of latent pixels: residual blocks, a convolution of stride 2 for each halving, two more blocks
/// at the lowest resolution in place of latent diffusion's attention, and normalisation, SiLU and a convolution each for mean and log variance.
/// </summary>
public sealed class ConvolutionalEncoder
{
    private readonly ConvolutionLayer _first, _mean, _logVariance;
    private readonly List<(ResidualConvolutionBlock[] Blocks, ConvolutionLayer? Down)> _stages = [];
    private readonly ResidualConvolutionBlock[] _middle;
    private readonly GroupNormLayer _norm;

    /// <summary>Declares the parameters.</summary>
    /// <param name="parameters">Where.</param>
    /// <param name="name">Prefix of their names.</param>
    /// <param name="shape">Sizes.</param>
    public ConvolutionalEncoder(ParameterSet parameters, string name, ConvolutionalVaeShape shape)
    {
        _first = new ConvolutionLayer(parameters, $"{name}.first", PatchPixels.Channels, shape.Width);
        var channels = shape.Width;
        for (var stage = 0; stage <= shape.Halvings; stage++)
        {
            var width = shape.WidthAt(stage);
            var blocks = new ResidualConvolutionBlock[shape.Blocks];
            for (var i = 0; i < blocks.Length; i++, channels = width)
            {
                blocks[i] = new ResidualConvolutionBlock(parameters, $"{name}.stages.{stage}.blocks.{i}", channels, width, shape.Groups);
            }

            _stages.Add((blocks, stage == shape.Halvings ? null : new ConvolutionLayer(parameters, $"{name}.stages.{stage}.down", width, width, stride: 2)));
        }

        _middle = [.. Enumerable.Range(0, 2).Select(i => new ResidualConvolutionBlock(parameters, $"{name}.middle.{i}", channels, channels, shape.Groups))];
        _norm = new GroupNormLayer(parameters, $"{name}.norm", channels, shape.Groups);
        _mean = new ConvolutionLayer(parameters, $"{name}.mean", channels, shape.LatentChannels);
        _logVariance = new ConvolutionLayer(parameters, $"{name}.log_variance", channels, shape.LatentChannels);
    }

    /// <summary>Applies the encoder.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="pixels">[B, H, W, 3].</param>
    /// <returns>Mean and log variance [B, H / stride, W / stride, d / 4].</returns>
    public (Tensor Mean, Tensor LogVariance) Apply(Tape tape, Tensor pixels)
    {
        var x = _first.Apply(tape, pixels);
        foreach (var (blocks, down) in _stages)
        {
            x = blocks.Aggregate(x, (h, block) => block.Apply(tape, h));
            x = down?.Apply(tape, x) ?? x;
        }

        x = _norm.ApplyWithSilu(tape, _middle.Aggregate(x, (h, block) => block.Apply(tape, h)));
        return (_mean.Apply(tape, x), _logVariance.Apply(tape, x));
    }
}
