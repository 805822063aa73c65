using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// The latent of a variational autoencoder (Kingma and Welling 2014), N(mean, exp(logvar)) by element, drawn so that gradients pass through the
/// draw: z = mean + exp(logvar / 2) n with n standard normal by Philox, and its divergence from the unit Gaussian,
/// KL = (mean^2 + exp(logvar) - 1 - logvar) / 2, averaged over all elements. The normal of element i of image g of the global batch, which
/// has E elements, is element g E + i of stream Noise at the step.
/// </summary>
/// <param name="Mean">[B, ..].</param>
/// <param name="LogVariance">[B, ..].</param>
/// <param name="Latents">z, of the same shape.</param>
/// <param name="Divergence">One element, of the parameter type.</param>
public readonly record struct GaussianLatentArgs(Tensor Mean, Tensor LogVariance, Tensor Latents, Tensor Divergence)
{
    /// <summary>Key of the random numbers.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Optimizer step.</summary>
    public required uint Step { get; init; }

    /// <summary>Place of the first image in the global batch.</summary>
    public long FirstImage { get; init; }

    /// <summary>Number of this batch's first element in the global batch.</summary>
    public long FirstElement => FirstImage * (Mean.Shape.Count / Mean.Shape[0]);
}
