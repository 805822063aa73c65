using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// y[b] = the mean of image b's tokens: the probe's feature.
/// <para>Backward: every token gets dy / T.</para>
/// Cost: one operation an element; memory-bound.
/// </summary>
public static class MeanPool
{
    /// <summary>Pools.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, T, C].</param>
    /// <returns>[B, C].</returns>
    public static Tensor Apply(Tape tape, Tensor x)
    {
        var y = tape.New(new Shape(x.Shape[0], x.Shape[2]), requiresGradient: x.RequiresGradient);
        tape.Backend.MeanPool(x, y);
        if (x.RequiresGradient)
        {
            tape.Record(new MeanPoolNode(x, y));
        }

        return y;
    }

    private sealed class MeanPoolNode(Tensor x, Tensor y) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [y];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(y) is { } dy)
            {
                var dx = tape.Outgoing(x, out var add);
                tape.Backend.MeanPoolBackward(dy, dx, add);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
        [Case(1, 1, 1), Case(2, 3, 5), Case(3, 16, 37), Case(128, 64, 192) with { TimingOnly = true }];

    internal static OpCase Case(int images, int tokens, int width) => new(
        "mean pool", $"{images}x{tokens}x{width}", [new("x", new Shape(images, tokens, width))], (tape, i) => [Apply(tape, i[0])])
    {
        Flops = (double)images * tokens * width,
        Elements = (double)images * tokens * width,
        SumLength = tokens,
    };
}
