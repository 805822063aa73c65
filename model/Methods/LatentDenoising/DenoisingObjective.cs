using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// The objective of every system from DiT to l-DAE: noise an image in the latents of its tokens, show the network the noisy latents or the
/// image they make, and ask for the noise, the clean latents, or the image. With the defaults it is the latent denoising autoencoder's: noise in
/// the space of principal components, a noisy image shown, the original one asked for.
/// </summary>
/// <param name="network">Predicts tokens from noisy tokens and a time step.</param>
/// <param name="tokenizer">Gives the latents that the noise is added in.</param>
/// <param name="seed">Key of the noise.</param>
public sealed class LatentDenoising(DenoisingTransformer network, ITokenizer tokenizer, ulong seed)
{
    /// <summary>What the network sees, what it predicts, and where the two are compared; the weights of the loss.</summary>
    public ObjectiveRecipe Objective { get; init; } = new();

    /// <summary>
    /// The loss of a batch. For l-DAE: lambda_t sum_i w_i (V (x_0 - net(x_t, t)))_i^2 / D (paper, equation 4). For DiT: |n - net(z_t, t)|^2 / d. Of
    /// clean latents: lambda_t |z_0 - net(z_t, t)|^2 / d.
    /// </summary>
    /// <param name="tape">Records it.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <param name="levels">Noise level of each image.</param>
    /// <param name="step">Optimizer step, for the noise.</param>
    /// <param name="firstImage">Place of the first image in the global batch, for the noise.</param>
    /// <returns>[3]: loss, kept part, residual part.</returns>
    public Tensor Loss(Tape tape, Tensor images, NoiseLevels levels, uint step, long firstImage)
    {
        using var forward = Ranges.Open("forward");
        tape.Owner = "input";
        var (tokens, noisy) = Noisy(tape, images, levels, step, firstImage);
        var target = Target(tape, tokens, levels, step, firstImage);
        var prediction = network.Predict(tape, noisy, levels.T, levels.Labels);
        var basis = Objective.Output == OutputSpace.Latent ? null : tokenizer.Space.Basis;
        return PcaLoss.Apply(tape, prediction, target, basis, levels.Lambda, Objective.KeptWeight, Objective.ResidualWeight);
    }

    /// <summary>What the network sees: z_t = gamma_t z_0 + sigma_t n, or that brought back to pixels.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="tokens">Tokens of the images [B, T, D].</param>
    /// <param name="levels">Noise level of each image.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="firstImage">Place of the first image in the global batch.</param>
    /// <returns>Noisy patches [B, T, D] or latents [B, T, d].</returns>
    public Tensor Noise(Tape tape, Tensor tokens, NoiseLevels levels, uint step, long firstImage)
    {
        var args = Args(tokens, levels.Gamma, levels.Sigma, step, firstImage);
        return Objective.Input == InputSpace.Pixels ? LatentNoise.Apply(tape, args) : LatentNoise.Latents(tape, args);
    }

    /// <summary>Tokens, and what the network sees: where that is in the tokens' own coordinates, a tokenizer may make both in one pass.</summary>
    private (Tensor Tokens, Tensor Noisy) Noisy(Tape tape, Tensor images, NoiseLevels levels, uint step, long firstImage)
    {
        if (Objective.Input == InputSpace.Pixels)
        {
            return tokenizer.NoisyTokens(tape, images, x => Args(x, levels.Gamma, levels.Sigma, step, firstImage));
        }

        var tokens = tokenizer.Tokens(tape, images);
        return (tokens, Noise(tape, tokens, levels, step, firstImage));
    }

    /// <summary>What the network is to predict. The noise is z_t without its signal: the same numbers come out of the same place of the random stream.</summary>
    private Tensor Target(Tape tape, Tensor tokens, NoiseLevels levels, uint step, long firstImage)
    {
        var clean = Args(tokens, levels.One, levels.Zero, step, firstImage);
        var noise = Args(tokens, levels.Zero, levels.One, step, firstImage);
        return (Objective.Output, Objective.Target) switch
        {
            (OutputSpace.Original, PredictionTarget.Clean) => tokens,
            (OutputSpace.Pca, PredictionTarget.Clean) => LatentNoise.Apply(tape, clean),
            (OutputSpace.Latent, PredictionTarget.Clean) => LatentNoise.Latents(tape, clean),
            (OutputSpace.Latent, PredictionTarget.Noise) => LatentNoise.Latents(tape, noise),
            _ => throw new NotSupportedException($"The target {Objective.Target} is not compared in {Objective.Output}."),
        };
    }

    private LatentNoiseArgs Args(Tensor tokens, Tensor gamma, Tensor sigma, uint step, long firstImage)
    {
        var space = tokenizer.Space;
        return new LatentNoiseArgs(tokens, space.Mean, space.Basis, space.Std, gamma, sigma) { Seed = seed, Step = step, FirstImage = firstImage };
    }
}
