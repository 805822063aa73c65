using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Layers;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// From latent pixels to pixels: the <see cref="ConvolutionalEncoder"/> walked backwards, with nearest up-sampling and a convolution where that
/// one has a convolution of stride 2.
/// </summary>
public sealed class ConvolutionalDecoder
{
    private readonly ConvolutionLayer _first, _last;
    private readonly List<(ResidualConvolutionBlock[] Blocks, ConvolutionLayer? Up)> _stages = [];
    private readonly ResidualConvolutionBlock[] _middle;
    private readonly GroupNormLayer _norm;

    /// <summary>Declares the parameters.</summary>
    /// <param name="parameters">Where.</param>
    /// <param name="name">Prefix of their names.</param>
    /// <param name="shape">Sizes.</param>
    public ConvolutionalDecoder(ParameterSet parameters, string name, ConvolutionalVaeShape shape)
    {
        var channels = shape.WidthAt(shape.Halvings);
        _first = new ConvolutionLayer(parameters, $"{name}.first", shape.LatentChannels, channels);
        _middle = [.. Enumerable.Range(0, 2).Select(i => new ResidualConvolutionBlock(parameters, $"{name}.middle.{i}", channels, channels, shape.Groups))];
        for (var stage = shape.Halvings; stage >= 0; stage--)
        {
            var width = shape.WidthAt(stage);
            var blocks = new ResidualConvolutionBlock[shape.Blocks];
            for (var i = 0; i < blocks.Length; i++, channels = width)
            {
                blocks[i] = new ResidualConvolutionBlock(parameters, $"{name}.stages.{stage}.blocks.{i}", channels, width, shape.Groups);
            }

            _stages.Add((blocks, stage == 0 ? null : new ConvolutionLayer(parameters, $"{name}.stages.{stage}.up", width, width)));
        }

        _norm = new GroupNormLayer(parameters, $"{name}.norm", channels, shape.Groups);
        _last = new ConvolutionLayer(parameters, $"{name}.last", channels, PatchPixels.Channels);
    }

    /// <summary>Applies the decoder.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="latents">[B, h, w, d / 4].</param>
    /// <returns>[B, stride h, stride w, 3].</returns>
    public Tensor Apply(Tape tape, Tensor latents)
    {
        var x = _middle.Aggregate(_first.Apply(tape, latents), (h, block) => block.Apply(tape, h));
        foreach (var (blocks, up) in _stages)
        {
            x = blocks.Aggregate(x, (h, block) => block.Apply(tape, h));
            x = up?.Apply(tape, Upsample.Apply(tape, x)) ?? x;
        }

        return _last.Apply(tape, _norm.ApplyWithSilu(tape, x));
    }
}
