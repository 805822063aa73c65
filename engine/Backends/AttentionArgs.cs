using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// For each image and head: O = softmax(Q K^T / sqrt(D)) V, with Q, K and V side by side in one row of
/// <paramref name="Qkv"/>: columns [0, C) hold the queries of all heads, [C, 2C) the keys, [2C, 3C) the values.
/// No permutation of memory before or after.
/// </summary>
/// <param name="Qkv">[B * T, 3C].</param>
/// <param name="Heads">Number of heads; divides C.</param>
/// <param name="Tokens">Tokens of one image, T.</param>
/// <param name="Output">[B * T, C].</param>
/// <param name="LogSumExp">log of the softmax denominators [B, heads, T], of the parameter type: what the backward needs to rebuild the weights.</param>
public readonly record struct AttentionArgs(Tensor Qkv, int Heads, int Tokens, Tensor Output, Tensor LogSumExp)
{
    /// <summary>Images.</summary>
    public int Images => Qkv.Shape.Rows / Tokens;

    /// <summary>Columns of the output, C.</summary>
    public int Width => Qkv.Shape.Columns / 3;

    /// <summary>Columns of one head, D.</summary>
    public int HeadSize => Width / Heads;
}
