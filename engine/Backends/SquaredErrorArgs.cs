using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Mean squared error with an optional weight per image: loss = scale / n sum_i weight[image of i] (prediction_i - target_i)^2, n the number of
/// elements; the gradient is 2 scale / n weight (prediction - target).
/// </summary>
/// <param name="Prediction">[B, ...].</param>
/// <param name="Target">Of the prediction's shape and type.</param>
/// <param name="Weight">Weight of each image [B], of the parameter type; null weighs all images alike, by 1.</param>
/// <param name="Loss">One element, of the parameter type.</param>
/// <param name="DPrediction">Gradient of the loss for an incoming gradient of one, of the prediction's shape; or null.</param>
public readonly record struct SquaredErrorArgs(Tensor Prediction, Tensor Target, Tensor? Weight, Tensor Loss, Tensor? DPrediction)
{
    /// <summary>Factor of the whole loss.</summary>
    public double Scale { get; init; } = 1;
}
