using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// The convolutional variational autoencoder as a tokenizer (section 4.2 of the paper): encoder and decoder see the whole image, one latent pixel
/// stands for half a patch in each direction, and two by two latent pixels of d / 4 channels make a token of d numbers, so that its tokens
/// stand for the same patches as those of a patch-wise tokenizer. Its loss is the squared error of the decoded image and the divergence of
/// the latents from the unit Gaussian.
/// </summary>
public sealed class ConvolutionalVae
{
    private readonly ConvolutionalEncoder _encoder;
    private readonly ConvolutionalDecoder _decoder;

    /// <summary>Declares the parameters.</summary>
    /// <param name="parameters">Where.</param>
    /// <param name="shape">Sizes.</param>
    /// <exception cref="ArgumentException">The sizes are not a network.</exception>
    public ConvolutionalVae(ParameterSet parameters, ConvolutionalVaeShape shape)
    {
        shape.Check();
        Shape = shape;
        _encoder = new ConvolutionalEncoder(parameters, "encoder", shape);
        _decoder = new ConvolutionalDecoder(parameters, "decoder", shape);
    }

    /// <summary>Sizes.</summary>
    public ConvolutionalVaeShape Shape { get; }

    /// <summary>Bytes of images to the values that the network sees: patches of one pixel, which with channels innermost are the image.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <param name="range">Factor and offset of each channel [2, 3].</param>
    /// <returns>[B, H, W, 3].</returns>
    public static Tensor Pixels(Tape tape, Tensor images, Tensor range)
    {
        var pixels = tape.New(images.Shape);
        tape.Backend.Patchify(images, 1, range, pixels);
        return pixels;
    }

    /// <summary>Images to tokens: the means of the latents.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="pixels">[B, H, W, 3]; the patch divides H and W.</param>
    /// <returns>[B, T, d], T = H W / p^2.</returns>
    public Tensor Encode(Tape tape, Tensor pixels)
    {
        CheckImage(pixels);
        return PatchGrid.ToPatches(tape, _encoder.Apply(tape, pixels).Mean, ConvolutionalVaeShape.LatentPatch);
    }

    /// <summary>Tokens to the patches of the image that they stand for.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="tokens">[B, T, d].</param>
    /// <param name="height">H: rows of the image.</param>
    /// <param name="width">W: columns of the image.</param>
    /// <returns>[B, T, D], flattened as (row, column, channel).</returns>
    public Tensor Decode(Tape tape, Tensor tokens, int height, int width)
    {
        var latents = PatchGrid.FromPatches(tape, tokens, ConvolutionalVaeShape.LatentPatch, height / Shape.Stride, width / Shape.Stride);
        return PatchGrid.ToPatches(tape, _decoder.Apply(tape, latents), Shape.PatchSize);
    }

    /// <summary>
    /// What training makes small: the squared error averaged over images and values, and the divergence, weighted so that both are sums over an
    /// image divided by its number of values.
    /// </summary>
    /// <param name="tape">Records it.</param>
    /// <param name="pixels">[B, H, W, 3]; the patch divides H and W.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">Optimizer step: of the latents' noise.</param>
    /// <param name="firstImage">Place of the first image in the global batch.</param>
    /// <returns>The values of <see cref="Terms"/>.</returns>
    public IReadOnlyList<Tensor> Loss(Tape tape, Tensor pixels, ulong seed, uint step, long firstImage = 0)
    {
        CheckImage(pixels);
        var (mean, logVariance) = _encoder.Apply(tape, pixels);
        var (latents, divergence) = GaussianLatent.Apply(tape, mean, logVariance, seed, step, firstImage);
        return [SquaredError.Apply(tape, _decoder.Apply(tape, latents), pixels), divergence];
    }

    /// <summary>The terms of the loss: both are sums over an image divided by its number of values.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="side">Side of an image, in pixels.</param>
    /// <returns>Reconstruction and divergence.</returns>
    public static IReadOnlyList<LossTerm> Terms(ConvolutionalVaeShape shape, int side)
    {
        var latents = (double)(side / shape.Stride) * (side / shape.Stride) * shape.LatentChannels;
        return
        [
            new LossTerm("loss_reconstruction"),
            new LossTerm("loss_kl", shape.DivergenceWeight * (latents / ((double)side * side * PatchPixels.Channels))),
        ];
    }

    private void CheckImage(Tensor pixels)
    {
        var sizes = pixels.Shape;
        if (sizes.Rank != 4 || sizes[3] != PatchPixels.Channels || sizes[1] % Shape.PatchSize != 0 || sizes[2] % Shape.PatchSize != 0)
        {
            throw new ArgumentException($"{pixels} is not a batch of images of {PatchPixels.Channels} channels whose sides divide by {Shape.PatchSize}.", nameof(pixels));
        }
    }
}
