using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Mean squared error, each image with a weight of its own where one is given: loss = scale / n sum_i weight[image of i] (prediction_i - target_i)^2.
/// <para>Backward: dprediction = 2 scale / n weight (prediction - target), in the same pass.</para>
/// Cost: 4 operations an element with the gradient; reads prediction and target, writes the gradient.
/// </summary>
public static class SquaredError
{
    /// <summary>Computes the loss.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="prediction">[B, ...].</param>
    /// <param name="target">Of the prediction's shape.</param>
    /// <param name="weight">Weight of each image [B]; null for 1.</param>
    /// <param name="scale">Factor of the whole loss.</param>
    /// <returns>One element.</returns>
    public static Tensor Apply(Tape tape, Tensor prediction, Tensor target, Tensor? weight = null, double scale = 1)
    {
        var loss = tape.New(new Shape(1), tape.Backend.ParameterType, prediction.RequiresGradient);
        var gradient = loss.RequiresGradient ? tape.New(prediction.Shape) : null;
        tape.Backend.SquaredError(new SquaredErrorArgs(prediction, target, weight, loss, gradient) { Scale = scale });
        if (gradient is not null)
        {
            tape.Record(new ScalarLossNode(prediction, loss, gradient));
        }

        return loss;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 1, weighted: false), Case(3, 2, 7, weighted: true), Case(2, 9, 48, weighted: false), Case(1, 11, 101, weighted: true),
        Case(16, 64, 768, weighted: true) with { TimingOnly = true },
    ];

    internal static OpCase Case(int images, int tokens, int columns, bool weighted)
    {
        var shape = new Shape(images, tokens, columns);
        CaseInput[] pair = [new("prediction", shape), new("target", shape) { Differentiable = false }];
        return new(
            "squared error",
            $"{images}x{tokens}x{columns}{(weighted ? ", weighted" : "")}",
            weighted ? [.. pair, new("weight", new Shape(images)) { Positive = true, Differentiable = false, IsParameter = true }] : pair,
            (tape, i) => [Apply(tape, i[0], i[1], weighted ? i[2] : null, 0.7)])
        {
            Flops = 4.0 * shape.Count,
            Elements = 3.0 * shape.Count,
            BackwardFlops = shape.Count,
            BackwardElements = 2.0 * shape.Count,
            SumLength = (int)shape.Count,
        };
    }
}
