using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// One pass over the rows of the residual stream:
/// h = x + gate * branch (x itself without a branch; no gate means 1), then
/// xhat = (h - mean(h)) / sqrt(var(h) + eps) along the columns, then
/// y = xhat * (1 + scale) + shift with one row of shift and scale an image, or y = xhat * weight + bias, or y = xhat.
/// Without <see cref="Y"/> only h is wanted and nothing is normalised.
/// </summary>
/// <param name="X">[B * T, C].</param>
public readonly record struct LayerNormArgs(Tensor X)
{
    /// <summary>What is added to the variance of a row unless something else is asked for.</summary>
    public const double DefaultEpsilon = 1e-6;

    /// <summary>Added to the residual stream first [B * T, C], or null.</summary>
    public Tensor? Branch { get; init; }

    /// <summary>Factor of the branch, a row an image, or null for 1.</summary>
    public Modulation? Gate { get; init; }

    /// <summary>Added after normalisation, a row an image.</summary>
    public Modulation? Shift { get; init; }

    /// <summary>Multiplies as 1 + scale after normalisation, a row an image.</summary>
    public Modulation? Scale { get; init; }

    /// <summary>[C], or null.</summary>
    public Tensor? Weight { get; init; }

    /// <summary>[C], or null.</summary>
    public Tensor? Bias { get; init; }

    /// <summary>The new residual stream [B * T, C]; null when there is no branch.</summary>
    public Tensor? H { get; init; }

    /// <summary>The normalised result [B * T, C], or null.</summary>
    public Tensor? Y { get; init; }

    /// <summary>Saved [B * T], of the parameter type; null without Y.</summary>
    public Tensor? Mean { get; init; }

    /// <summary>Saved 1 / sqrt(var + eps) [B * T], of the parameter type; null without Y.</summary>
    public Tensor? Rstd { get; init; }

    /// <summary>Added to the variance; 1e-6 but for models that were trained with another.</summary>
    public double Epsilon { get; init; } = DefaultEpsilon;

    /// <summary>Images in the batch: rows of the modulation tables, or 1 without any.</summary>
    public int Images => (Gate ?? Shift ?? Scale)?.Table.Shape.Rows ?? 1;
}
