using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>A convolutional tokenizer on a device.</summary>
public sealed class PlacedConvolutionalTokenizer : ITokenizer
{
    private readonly IBackend _backend;
    private readonly Tensor _range;
    private readonly ConvolutionalTokenizer _fitted;
    private readonly ParameterSet _parameters;
    private readonly ConvolutionalVae _network;
    private PersistentTensor? _scale;

    /// <summary>Copies the tokenizer to a device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="fitted">The tokenizer.</param>
    /// <param name="range">From bytes to values [2, 3], on the device; not owned.</param>
    public PlacedConvolutionalTokenizer(IBackend backend, ConvolutionalTokenizer fitted, Tensor range)
    {
        (_backend, _fitted, _range) = (backend, fitted, range);
        _parameters = new ParameterSet(backend);
        _network = new ConvolutionalVae(_parameters, fitted.Shape);
        _parameters.Allocate(gradients: false);
        fitted.CopyTo(_parameters);
        _parameters.Round();
        Space = new LatentSpace(backend, fitted.Mean, basis: null, fitted.Std);
    }

    /// <inheritdoc/>
    public int Dim => _fitted.Dim;

    /// <inheritdoc/>
    public int PixelPatch => _fitted.Shape.PatchSize;

    /// <inheritdoc/>
    public LatentSpace Space { get; }

    /// <inheritdoc/>
    public long Bytes =>
        Space.Bytes + (_parameters.FlatCount * (_backend.ParameterType.Size() + (_parameters.Rounded is { } rounded ? rounded.DType.Size() : 0)));

    /// <inheritdoc/>
    public Tensor Tokens(Tape tape, Tensor images) =>
        tape.WithoutRecording(() => [_network.Encode(tape, ConvolutionalVae.Pixels(tape, images, _range))])[0];

    /// <inheritdoc/>
    public Tensor Decode(Tape tape, Tensor latents)
    {
        _scale ??= NewScale();
        var side = (int)Math.Sqrt(latents.Shape[1]) * PixelPatch;
        return _network.Decode(tape, Linear.Apply(tape, latents, _scale.Tensor, Space.Mean), side, side);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Space.Dispose();
        _scale?.Dispose();
        _parameters.Dispose();
    }

    /// <summary>s on the diagonal: from latents back to tokens.</summary>
    private PersistentTensor NewScale()
    {
        var scale = new PersistentTensor(_backend, new Shape(Dim, Dim), _backend.ParameterType);
        scale.Tensor.Write(_backend, PatchTokenizer.Diagonal(_fitted.Std));
        return scale;
    }
}
