using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// loss = mean over rows of log(sum_k exp z_k) - z_label.
/// <para>Backward: dz = (softmax(z) - onehot(label)) / rows, computed in the same pass as the loss.</para>
/// Cost: about 10 operations a logit.
/// </summary>
public static class SoftmaxCrossEntropy
{
    /// <summary>Computes the loss.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="logits">[B, K].</param>
    /// <param name="labels">I32 [B], each in 0..K-1.</param>
    /// <returns>One element.</returns>
    public static Tensor Apply(Tape tape, Tensor logits, Tensor labels)
    {
        var loss = tape.New(new Shape(1), tape.Backend.ParameterType, logits.RequiresGradient);
        var dLogits = loss.RequiresGradient ? tape.New(logits.Shape) : null;
        tape.Backend.SoftmaxCrossEntropy(logits, labels, loss, dLogits);
        if (dLogits is not null)
        {
            tape.Record(new ScalarLossNode(logits, loss, dLogits));
        }

        return loss;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases => [Case(1, 2), Case(7, 11), Case(33, 100), Case(2048, 10) with { TimingOnly = true }];

    internal static OpCase Case(int rows, int classes) => new(
        "cross-entropy",
        $"{rows}x{classes}",
        [
            new("logits", new Shape(rows, classes)) { Scale = 2 },
            new("labels", new Shape(rows)) { Below = classes, Differentiable = false },
        ],
        (tape, i) => [Apply(tape, i[0], i[1])])
    {
        Flops = 10.0 * rows * classes,
        Elements = 2.0 * rows * classes,
        SumLength = rows,
    };
}
