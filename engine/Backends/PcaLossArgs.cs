using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Equation 4 of the paper. With r = prediction - clean for one patch and V the orthonormal PCA basis (rows are components),
/// the weighted squared error is sum_i w_i (V r)_i^2 with w = <see cref="KeptWeight"/> on the first d components and
/// <see cref="ResidualWeight"/> on the rest. V is orthonormal, so this is
/// w_res |r|^2 + (w_kept - w_res) |V_d r|^2 and only d components need projecting.
/// The loss is the mean over patches of lambda[image] times that, divided by D.
/// </summary>
/// <param name="Prediction">[B, T, D].</param>
/// <param name="Clean">[B, T, D].</param>
/// <param name="Basis">The first d components, [d, D], of the parameter type.</param>
/// <param name="Lambda">Weight of each image's noise level [B], of the parameter type.</param>
/// <param name="Loss">[3]: the loss, its part on the kept components, its part on the others.</param>
/// <param name="DPrediction">Gradient of the loss for an incoming gradient of one [B, T, D], or null.</param>
public readonly record struct PcaLossArgs(Tensor Prediction, Tensor Clean, Tensor Basis, Tensor Lambda, Tensor Loss, Tensor? DPrediction)
{
    /// <summary>Weight of the first d components.</summary>
    public required double KeptWeight { get; init; }

    /// <summary>Weight of the other D - d components.</summary>
    public required double ResidualWeight { get; init; }
}
