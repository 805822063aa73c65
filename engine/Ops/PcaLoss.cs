using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// The l-DAE loss, equation 4 of the paper: mean over patches of lambda_t sum_i w_i (V (x - net))_i^2 / D, with w = 1 on the
/// first d principal components and 0.1 on the rest.
/// <para>Backward: dprediction = 2 lambda / (D patches) (w_res r + (w_kept - w_res) V_d^T V_d r), in the same pass.</para>
/// Cost: 4 B T d D operations with the gradient; reads prediction and target, writes the gradient.
/// </summary>
public static class PcaLoss
{
    /// <summary>Computes the loss.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="prediction">[B, T, D].</param>
    /// <param name="clean">Target [B, T, D].</param>
    /// <param name="basis">First d components [d, D], orthonormal rows; null for the identity, where all components are kept.</param>
    /// <param name="lambda">Weight of each image [B].</param>
    /// <param name="keptWeight">w of the first d components.</param>
    /// <param name="residualWeight">w of the others.</param>
    /// <returns>[3]: the loss, its part on the kept components, its part on the others. Only the first is differentiated.</returns>
    public static Tensor Apply(
        Tape tape, Tensor prediction, Tensor clean, Tensor? basis, Tensor lambda, double keptWeight, double residualWeight)
    {
        var loss = tape.New(new Shape(3), tape.Backend.ParameterType, prediction.RequiresGradient);
        var gradient = loss.RequiresGradient ? tape.New(prediction.Shape) : null;
        if (basis is null)
        {
            var kept = loss.Slice(1, 1);
            tape.Backend.SquaredError(new SquaredErrorArgs(prediction, clean, lambda, kept, gradient) { Factor = keptWeight });
            tape.Backend.Copy(kept, loss.Slice(0, 1));
            tape.Backend.Fill(loss.Slice(2, 1), 0);
        }
        else
        {
            tape.Backend.PcaLoss(new PcaLossArgs(prediction, clean, basis, lambda, loss, gradient)
            {
                KeptWeight = keptWeight,
                ResidualWeight = residualWeight,
            });
        }

        if (gradient is not null)
        {
            tape.Record(new ScalarLossNode(prediction, loss, gradient));
        }

        return loss;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 3, 1), Case(2, 4, 12, 4), Case(3, 5, 48, 8), Case(2, 3, 48, 48), Case(2, 2, 37, 5), Case(2, 3, 12, 12, identity: true), Case(128, 64, 48, 8) with { TimingOnly = true },
        Case(64, 256, 768, 32) with { TimingOnly = true },
        .. ((int[])[8, 32, 64, 128]).Select(kept => Case(16, 64, 768, kept) with { TimingOnly = true }), Case(16, 64, 768, 768, identity: true) with { TimingOnly = true },
    ];

    internal static OpCase Case(int images, int tokens, int pixels, int kept, bool identity = false) => new(
        "pca loss",
        $"{images}x{tokens}x{pixels}, {(identity ? "identity" : $"{kept} kept")}",
        [
            new("prediction", new Shape(images, tokens, pixels)), new("clean", new Shape(images, tokens, pixels)) { Differentiable = false },
            new("basis", new Shape(kept, pixels)) { Orthonormal = true, Differentiable = false, IsParameter = true },
            new("lambda", new Shape(images)) { Positive = true, Differentiable = false, IsParameter = true },
        ],
        (tape, i) => [Apply(tape, i[0], i[1], identity ? null : i[2], i[3], 1, 0.1)])
    {
        Flops = 4.0 * images * tokens * pixels * kept,
        Elements = 3.0 * images * tokens * pixels,
        BackwardFlops = (double)images * tokens * pixels,
        BackwardElements = 2.0 * images * tokens * pixels,
        SumLength = images * tokens * pixels,
        FirstElementOnly = true,
    };
}
