using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// A convolution of images whose channels lie innermost, as neural networks mean it (a correlation; the kernel is not flipped):
/// y[b, i, j, n] = bias[n] + residual[b, i, j, n] + sum over u, v, c of x[b, S i + u - P, S j + v - P, c] weight[n, u, v, c], with zeros outside
/// the image. It is the product of the matrix of windows [B H' W', Kh Kw C] with the weight [N, Kh Kw C]; no backend makes that matrix
/// as a whole.
/// </summary>
/// <param name="X">[B, H, W, C].</param>
/// <param name="Weight">[N, Kh, Kw, C], of the parameter type.</param>
/// <param name="Y">[B, H', W', N] with H' = (H + 2 P - Kh) / S + 1 and W' likewise, rounded down.</param>
public readonly record struct ConvolutionArgs(Tensor X, Tensor Weight, Tensor Y)
{
    /// <summary>[N], of the parameter type, or null.</summary>
    public Tensor? Bias { get; init; }

    /// <summary>Added last, of Y's shape, or null.</summary>
    public Tensor? Residual { get; init; }

    /// <summary>S: pixels from one window to the next.</summary>
    public int Stride { get; init; } = 1;

    /// <summary>P: rows and columns of zeros around the image.</summary>
    public int Padding { get; init; }

    /// <summary>Channels of the result, N.</summary>
    public int Outputs => Weight.Shape[0];

    /// <summary>Places of the kernel, Kh Kw.</summary>
    public int Taps => Weight.Shape[1] * Weight.Shape[2];

    /// <summary>Channels of the input, C.</summary>
    public int Inputs => Weight.Shape[3];

    /// <summary>The shape of the result.</summary>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="weight">[N, Kh, Kw, C].</param>
    /// <param name="stride">S.</param>
    /// <param name="padding">P.</param>
    /// <returns>[B, H', W', N].</returns>
    public static Shape ResultOf(Shape x, Shape weight, int stride, int padding) => new(
        x[0], ((x[1] + (2 * padding) - weight[1]) / stride) + 1, ((x[2] + (2 * padding) - weight[2]) / stride) + 1, weight[0]);
}
