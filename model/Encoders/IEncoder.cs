using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Networks;

namespace LDaeCore.Model.Encoders;

/// <summary>A network that names the class of images: what <c>ldae probe --method head</c> judges.</summary>
public interface IClassifier
{
    /// <summary>The device.</summary>
    IBackend Backend { get; }

    /// <summary>Side of an image, in pixels.</summary>
    int ImageSize { get; }

    /// <summary>Number of classes, K.</summary>
    int Classes { get; }

    /// <summary>The logits of images.</summary>
    /// <param name="tape">Records them.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <returns>[B, K].</returns>
    Tensor Logits(Tape tape, Tensor images);
}

/// <summary>A network that turns images into tokens, and one row of features an image: what probes and exports read.</summary>
public interface IEncoder : IDisposable
{
    /// <summary>The device.</summary>
    IBackend Backend { get; }

    /// <summary>Side of an image, in pixels.</summary>
    int ImageSize { get; }

    /// <summary>Columns of a token, C.</summary>
    int Width { get; }

    /// <summary>From bytes to the values that the network sees.</summary>
    PixelRange Range { get; }

    /// <summary>The tokens of images.</summary>
    /// <param name="tape">Records them.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <param name="firstImage">Place of the first image in its data set, for encoders that add noise.</param>
    /// <returns>[B, T, C].</returns>
    Tensor Tokens(Tape tape, Tensor images, long firstImage);

    /// <summary>The features of images: the mean of their tokens, unless the encoder pools in another way.</summary>
    /// <param name="tape">Records them.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <param name="firstImage">Place of the first image in its data set, for encoders that add noise.</param>
    /// <returns>[B, C].</returns>
    Tensor Features(Tape tape, Tensor images, long firstImage) => MeanPool.Apply(tape, Tokens(tape, images, firstImage));

    /// <summary>Bytes of step memory that <see cref="Features"/> needs.</summary>
    /// <param name="images">Images of a pass.</param>
    /// <returns>The bytes.</returns>
    long PassBytes(int images);

    /// <summary>The encoder as a plain ViT, as export writes it.</summary>
    /// <returns>The weights.</returns>
    /// <exception cref="LdaeException">Configuration: the encoder is no plain ViT; the message says why.</exception>
    VitWeights ToVit();

    /// <summary>The same network at a random start: the control of a probe.</summary>
    /// <param name="seed">Seed of the start.</param>
    /// <returns>The control; the caller disposes it.</returns>
    IEncoder Random(ulong seed);
}
