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
    /// <param name="basis">First d components [d, D], orthonormal rows; null for the identity, of which all D coordinates are kept.</param>
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
            Identity(tape.Backend, new SquaredErrorArgs(prediction, clean, lambda, loss.Slice(0, 1), gradient) { Scale = keptWeight }, loss);
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

    /// <summary>Along the axes themselves the loss is a squared error, all of it on kept coordinates.</summary>
    private static void Identity(IBackend backend, in SquaredErrorArgs error, Tensor loss)
    {
        backend.SquaredError(error);
        backend.Copy(error.Loss, loss.Slice(1, 1));
        backend.Fill(loss.Slice(2, 1), 0);
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 3, 1), Case(2, 4, 12, 4), Case(3, 5, 48, 8), Case(2, 3, 48, 48), Case(2, 2, 37, 5), Case(2, 3, 130, 128), Case(1, 3, 768, 128), Case(1, 2, 768, 768),
        IdentityCase(3, 4, 12), IdentityCase(2, 3, 37), Case(128, 64, 48, 8) with { TimingOnly = true },
        Case(64, 256, 768, 32) with { TimingOnly = true },
        .. LatentNoise.TimedDims.Select(kept => Case(16, 64, 768, kept) with { TimingOnly = true }), IdentityCase(16, 64, 768) with { TimingOnly = true },
    ];

    internal static OpCase Case(int images, int tokens, int pixels, int kept) => new(
        "pca loss",
        $"{images}x{tokens}x{pixels}, {kept} kept",
        [
            new("prediction", new Shape(images, tokens, pixels)), new("clean", new Shape(images, tokens, pixels)) { Differentiable = false },
            new("basis", new Shape(kept, pixels)) { Orthonormal = true, Differentiable = false, IsParameter = true },
            new("lambda", new Shape(images)) { Positive = true, Differentiable = false, IsParameter = true },
        ],
        (tape, i) => [Apply(tape, i[0], i[1], i[2], i[3], 1, 0.1)])
    {
        Flops = 4.0 * images * tokens * pixels * kept,
        Elements = 3.0 * images * tokens * pixels,
        BackwardFlops = (double)images * tokens * pixels,
        BackwardElements = 2.0 * images * tokens * pixels,
        SumLength = images * tokens * pixels,
        FirstElementOnly = true,
    };

    internal static OpCase IdentityCase(int images, int tokens, int pixels) => Case(images, tokens, pixels, pixels) with
    {
        Shape = $"{images}x{tokens}x{pixels}, identity",
        Inputs =
        [
            new("prediction", new Shape(images, tokens, pixels)), new("clean", new Shape(images, tokens, pixels)) { Differentiable = false },
            new("lambda", new Shape(images)) { Positive = true, Differentiable = false, IsParameter = true },
        ],
        Run = (tape, i) => [Apply(tape, i[0], i[1], null, i[2], 0.7, 0.1)],
        Flops = 4.0 * images * tokens * pixels,
    };
}
