using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Networks;

namespace LDaeCore.Model.Objectives;

/// <summary>
/// The latent denoising autoencoder's objective: noise the image in the space of its patches' principal components, show the
/// network the noisy image, and ask for the original one.
/// </summary>
/// <param name="network">Predicts patches from noisy patches and a time step.</param>
/// <param name="space">The latent space the noise is added in.</param>
/// <param name="patch">Side of a patch.</param>
/// <param name="range">From bytes to values: factor and offset of each channel [2, 3].</param>
/// <param name="seed">Key of the noise.</param>
public sealed class LatentDenoising(DenoisingTransformer network, LatentSpace space, int patch, Tensor range, ulong seed)
{
    /// <summary>Loss weight of the kept components.</summary>
    public double KeptWeight { get; init; } = 1;

    /// <summary>Loss weight of the components the noise never touches: they are missing from the input (paper, equation 4).</summary>
    public double ResidualWeight { get; init; } = 0.1;

    /// <summary>The loss of a batch: lambda_t sum_i w_i (V (x_0 - net(x_t, t)))_i^2.</summary>
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
        var clean = Patchify.Apply(tape, images, patch, range);
        var noisy = Noise(tape, clean, levels, step, firstImage);
        var prediction = network.Predict(tape, noisy, levels.T);
        return PcaLoss.Apply(tape, prediction, clean, space.Basis, levels.Lambda, KeptWeight, ResidualWeight);
    }

    /// <summary>x_t: each patch projected on d components, noised there, and back in pixels.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="clean">Patches [B, T, D].</param>
    /// <param name="levels">Noise level of each image.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="firstImage">Place of the first image in the global batch.</param>
    /// <returns>Noisy patches [B, T, D].</returns>
    public Tensor Noise(Tape tape, Tensor clean, NoiseLevels levels, uint step, long firstImage) =>
        LatentNoise.Apply(tape, new LatentNoiseArgs(clean, space.Mean, space.Basis, space.Std, levels.Gamma, levels.Sigma)
        {
            Seed = seed,
            Step = step,
            FirstImage = firstImage,
        });
}
