using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// C = epilogue(op(A) op(B)) with op the identity or the transpose. With v = (op(A) op(B)) (+ C when accumulating) + bias:
/// <list type="number">
/// <item><description><see cref="PreActivation"/> given: v is stored there and v becomes gelu(v) (tanh form);</description></item>
/// <item><description><see cref="GeluGradientOf"/> given: v becomes v * gelu'(u), the backward of a GELU on the way;</description></item>
/// <item><description><see cref="Residual"/> given: it is added, its rows repeated when it has fewer than C.</description></item>
/// </list>
/// </summary>
/// <param name="A">[M, K], or [K, M] when transposed.</param>
/// <param name="TransposeA">Whether op(A) is the transpose.</param>
/// <param name="B">[K, N], or [N, K] when transposed (the layout of a linear layer's weight).</param>
/// <param name="TransposeB">Whether op(B) is the transpose.</param>
/// <param name="C">[M, N].</param>
public readonly record struct MatMulArgs(Tensor A, bool TransposeA, Tensor B, bool TransposeB, Tensor C)
{
    /// <summary>Whether the product is added to C.</summary>
    public bool Accumulate { get; init; }

    /// <summary>[N], or null.</summary>
    public Tensor? Bias { get; init; }

    /// <summary>[R, N] with R dividing M, or null; row r of C gets row r mod R. Positions are added so.</summary>
    public Tensor? Residual { get; init; }

    /// <summary>[M, N], or null.</summary>
    public Tensor? PreActivation { get; init; }

    /// <summary>u [M, N], or null.</summary>
    public Tensor? GeluGradientOf { get; init; }

    /// <summary>Rows of C.</summary>
    public int M => TransposeA ? A.Shape.Columns : A.Shape.Rows;

    /// <summary>Columns of C.</summary>
    public int N => TransposeB ? B.Shape.Rows : B.Shape.Columns;

    /// <summary>Length of the sums.</summary>
    public int K => TransposeA ? A.Shape.Rows : A.Shape.Columns;
}
