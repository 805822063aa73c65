using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Mean squared error, each image weighted: loss = factor / N sum_b w_b sum_i (p_bi - t_bi)^2, N the number of values.
/// <para>Backward: dp = 2 factor w (p - t) / N, in the same pass.</para>
/// Cost: 4 operations a value; reads prediction and target, writes the gradient.
/// </summary>
public static class SquaredError
{
    /// <summary>Computes the loss.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="prediction">[B, ...].</param>
    /// <param name="target">The same number of values; no gradient flows to it. Null is zero.</param>
    /// <param name="weight">Weight of each image [B], of the parameter type; null is one.</param>
    /// <param name="factor">What the whole is multiplied by.</param>
    /// <returns>The loss [1], of the parameter type.</returns>
    public static Tensor Apply(Tape tape, Tensor prediction, Tensor? target, Tensor? weight = null, double factor = 1)
    {
        var loss = tape.New(new Shape(1), tape.Backend.ParameterType, prediction.RequiresGradient);
        var gradient = loss.RequiresGradient ? tape.New(prediction.Shape) : null;
        tape.Backend.SquaredError(new SquaredErrorArgs(prediction, target, weight, loss, gradient) { Factor = factor });
        if (gradient is not null)
        {
            tape.Record(new ScalarLossNode(prediction, loss, gradient));
        }

        return loss;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 1, true), Case(2, 3, 5, true), Case(3, 5, 48, true), Case(3, 5, 48, false), Case(2, 7, 37, true, 0.25), Case(2, 4, 12, true, 2, toZero: true),
        Case(16, 64, 768, true) with { TimingOnly = true }, Case(256, 256, 768, true) with { TimingOnly = true },
    ];

    private static OpCase Case(int images, int tokens, int columns, bool weighted, double factor = 1, bool toZero = false) => new(
        "squared error",
        $"{images}x{tokens}x{columns}{(weighted ? ", weighted" : "")}{(toZero ? ", to zero" : "")}",
        [
            new("prediction", new Shape(images, tokens, columns)), new("target", new Shape(images, tokens, columns)) { Differentiable = false },
            new("weight", new Shape(images)) { Positive = true, Differentiable = false, IsParameter = true },
        ],
        (tape, i) => [Apply(tape, i[0], toZero ? null : i[1], weighted ? i[2] : null, factor)])
    {
        Flops = 4.0 * images * tokens * columns,
        Elements = 3.0 * images * tokens * columns,
        BackwardFlops = (double)images * tokens * columns,
        BackwardElements = 2.0 * images * tokens * columns,
        SumLength = images * tokens * columns,
    };
}
