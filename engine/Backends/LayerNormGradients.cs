using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Gradients of <see cref="LayerNormArgs"/>. Those with a row an image or a value a column are sums over rows and are always
/// added to what is there; tables hold several chunks, so a caller zeroes them once.
/// </summary>
/// <param name="DY">Gradient of Y, or null when nothing read it.</param>
/// <param name="DH">Gradient of H that arrives along the residual stream, or null. May be the same memory as DX.</param>
/// <param name="DX">Gradient of X: stored, or added when <paramref name="AccumulateDX"/>.</param>
/// <param name="AccumulateDX">Whether DX is added to; then it is not the same memory as DH.</param>
public readonly record struct LayerNormGradients(Tensor? DY, Tensor? DH, Tensor DX, bool AccumulateDX)
{
    /// <summary>Gradient of the branch; stored.</summary>
    public Tensor? DBranch { get; init; }

    /// <summary>Gradient of the gate; added.</summary>
    public Modulation? DGate { get; init; }

    /// <summary>Gradient of the shift; added.</summary>
    public Modulation? DShift { get; init; }

    /// <summary>Gradient of the scale; added.</summary>
    public Modulation? DScale { get; init; }

    /// <summary>Gradient of the weight [C]; added.</summary>
    public Tensor? DWeight { get; init; }

    /// <summary>Gradient of the bias [C]; added.</summary>
    public Tensor? DBias { get; init; }
}
