using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>A patch-wise linear tokenizer on a device.</summary>
public sealed class PlacedPatchTokenizer : ITokenizer
{
    private readonly IBackend _backend;
    private readonly Tensor _range;
    private readonly PatchTokenizer _fitted;
    private PersistentTensor? _decoder, _offset;

    /// <summary>Copies the tokenizer to a device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="fitted">The tokenizer.</param>
    /// <param name="range">From bytes to values [2, 3], on the device; not owned.</param>
    public PlacedPatchTokenizer(IBackend backend, PatchTokenizer fitted, Tensor range)
    {
        (_backend, _fitted, _range) = (backend, fitted, range);
        Space = new LatentSpace(backend, fitted.Mean, fitted.Encoder, fitted.Std);
    }

    /// <inheritdoc/>
    public int Dim => _fitted.Dim;

    /// <inheritdoc/>
    public int PixelPatch => _fitted.Patch;

    /// <inheritdoc/>
    public LatentSpace Space { get; }

    /// <inheritdoc/>
    public long Bytes => Space.Bytes;

    /// <inheritdoc/>
    public Tensor Tokens(Tape tape, Tensor images) => Patchify.Apply(tape, images, _fitted.Patch, _range);

    /// <inheritdoc/>
    public (Tensor Tokens, Tensor Noisy) NoisyTokens(Tape tape, Tensor images, Func<Tensor, LatentNoiseArgs> noise) =>
        LatentNoise.FromImages(tape, images, _fitted.Patch, _range, noise);

    /// <inheritdoc/>
    public Tensor Decode(Tape tape, Tensor latents)
    {
        // Training does not decode: the decoder is copied at first use.
        _decoder ??= NewDecoder();
        _offset ??= New(new Shape(_fitted.Offset.Length), _fitted.Offset);
        return Linear.Apply(tape, latents, _decoder.Tensor, _offset.Tensor);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Space.Dispose();
        _decoder?.Dispose();
        _offset?.Dispose();
    }

    /// <summary>U with a column multiplied by its latent's s.</summary>
    private PersistentTensor NewDecoder()
    {
        if (_fitted.Decoder is not { } columns)
        {
            return New(new Shape(Dim, Dim), PatchTokenizer.Diagonal(_fitted.Std));
        }

        var (decoder, dim) = ((double[])columns.Clone(), Dim);
        for (var i = 0; i < decoder.Length; i++)
        {
            decoder[i] *= _fitted.Std[i % dim];
        }

        return New(new Shape(_fitted.Offset.Length, dim), decoder);
    }

    private PersistentTensor New(Shape shape, double[] values)
    {
        var tensor = new PersistentTensor(_backend, shape, _backend.ParameterType);
        tensor.Tensor.Write(_backend, values);
        return tensor;
    }
}
