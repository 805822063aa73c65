using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// For each patch p of an image with noise level (gamma, sigma):
/// z_i = gamma (V_d (p - mean))_i / s_i + sigma n_i, with n standard normals by Philox, then
/// noisy = mean + V_d^T (s z): noise in the latent space, shown in pixels. What lies outside the d components is dropped.
/// Without a basis V is the identity, d = D, and every value of a patch gets its own noise: noisy = mean + s z.
/// The normal of latent i of token t of image g of the global batch is element (g T + t) d + i of stream Noise at the step.
/// </summary>
/// <param name="Clean">Patches [B, T, D].</param>
/// <param name="Mean">Mean patch [D], of the parameter type.</param>
/// <param name="Basis">The first d components [d, D], of the parameter type; null for the identity.</param>
/// <param name="LatentStd">s: what a latent is divided by to have unit variance [d], of the parameter type.</param>
/// <param name="Gamma">Signal factor of each image [B], of the parameter type.</param>
/// <param name="Sigma">Noise of each image, in units of latent standard deviations [B], of the parameter type.</param>
public readonly record struct LatentNoiseArgs(Tensor Clean, Tensor Mean, Tensor? Basis, Tensor LatentStd, Tensor Gamma, Tensor Sigma)
{
    /// <summary>Latents of a patch, d.</summary>
    public int Dim => Basis?.Shape.Rows ?? Clean.Shape.Columns;

    /// <summary>Key of the random numbers.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Optimizer step.</summary>
    public required uint Step { get; init; }

    /// <summary>Place of the first image in the global batch.</summary>
    public long FirstImage { get; init; }

    /// <summary>Noisy patches [B, T, D], or null.</summary>
    public Tensor? Noisy { get; init; }

    /// <summary>Noisy latents z [B, T, d], or null.</summary>
    public Tensor? Latents { get; init; }
}
