using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// A tokenizer on a device, its weights fixed. Images become tokens, a row for each token of the network; the tokens become
/// latents of about unit variance by <see cref="Space"/>, where noise is added: z = basis (tokens - mean) / std. A patch-wise tokenizer's tokens are the patches
/// themselves and its basis is the encoder; a network's tokens are what it gives, and its basis the identity.
/// </summary>
public interface ITokenizer : IDisposable
{
    /// <summary>Latents of a token, d.</summary>
    int Dim { get; }

    /// <summary>Side of the patches that <see cref="Decode"/> gives: that of a token, or 1 where whole images are decoded.</summary>
    int PixelPatch { get; }

    /// <summary>From tokens to latents.</summary>
    LatentSpace Space { get; }

    /// <summary>Bytes that encoding keeps on the device: weights, and the numbers of <see cref="Space"/>.</summary>
    long Bytes { get; }

    /// <summary>Encodes images; no gradient flows back.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <returns>Tokens [B, T, columns of the basis].</returns>
    Tensor Tokens(Tape tape, Tensor images);

    /// <summary>Encodes images and noises what that gives, back in the tokens' own coordinates; no gradient flows back.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <param name="noise">The noise of tokens.</param>
    /// <returns>Clean and noisy tokens [B, T, columns of the basis].</returns>
    (Tensor Tokens, Tensor Noisy) NoisyTokens(Tape tape, Tensor images, Func<Tensor, LatentNoiseArgs> noise)
    {
        var tokens = Tokens(tape, images);
        return (tokens, LatentNoise.Apply(tape, noise(tokens)));
    }

    /// <summary>Decodes latents.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="latents">[B, T, d], of about unit variance.</param>
    /// <returns>Pixels in the recipe's range as patches [B, H W / p^2, 3 p^2], p = <see cref="PixelPatch"/>, flattened as (row, column, channel).</returns>
    Tensor Decode(Tape tape, Tensor latents);
}
