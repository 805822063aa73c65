using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>Gradients of <see cref="GaussianLatentArgs"/>.</summary>
/// <param name="DLatents">Gradient of the latents, or null when nothing read them.</param>
/// <param name="DDivergence">Gradient of the divergence [1], of the parameter type, or null.</param>
/// <param name="DMean">Gradient of the mean.</param>
/// <param name="AccumulateMean">Whether DMean is added to.</param>
/// <param name="DLogVariance">Gradient of the logarithm of the variance.</param>
/// <param name="AccumulateLogVariance">Whether DLogVariance is added to.</param>
public readonly record struct GaussianLatentGradients(
    Tensor? DLatents, Tensor? DDivergence, Tensor DMean, bool AccumulateMean, Tensor DLogVariance, bool AccumulateLogVariance);
