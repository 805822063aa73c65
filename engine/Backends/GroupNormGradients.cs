using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>Gradients of <see cref="GroupNormArgs"/>.</summary>
/// <param name="DY">Gradient of Y.</param>
/// <param name="DX">Gradient of X: stored, or added when <paramref name="AccumulateDX"/>; null when not wanted.</param>
/// <param name="AccumulateDX">Whether DX is added to.</param>
/// <param name="DWeight">Gradient of the weight [C]; added. Null when not wanted.</param>
/// <param name="DBias">Gradient of the bias [C]; added. Null when not wanted.</param>
public readonly record struct GroupNormGradients(Tensor DY, Tensor? DX, bool AccumulateDX, Tensor? DWeight, Tensor? DBias);
