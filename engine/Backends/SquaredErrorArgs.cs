using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>Mean squared error and its gradient in one pass; see <see cref="Ops.SquaredError"/>.</summary>
/// <param name="Prediction">[B, ...].</param>
/// <param name="Target">The same number of values, or null for zero.</param>
/// <param name="Weight">Weight of each image [B], of the parameter type, or null for one.</param>
/// <param name="Loss">One element, of the parameter type.</param>
/// <param name="DPrediction">Gradient of the loss for an incoming gradient of one, or null.</param>
public readonly record struct SquaredErrorArgs(Tensor Prediction, Tensor? Target, Tensor? Weight, Tensor Loss, Tensor? DPrediction)
{
    /// <summary>What the whole is multiplied by.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Values of an image.</summary>
    public int ImageValues => (int)(Prediction.Shape.Count / Prediction.Shape[0]);
}
