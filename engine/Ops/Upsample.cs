using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Nearest up-sampling by two: y[b, i, j] = x[b, i / 2, j / 2].
/// <para>Backward: dx[b, i, j] = the sum of dy over the four pixels that came from it.</para>
/// Cost: one element read for four written; memory-bound.
/// </summary>
public static class Upsample
{
    /// <summary>Doubles height and width.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, H, W, C].</param>
    /// <returns>[B, 2 H, 2 W, C].</returns>
    public static Tensor Apply(Tape tape, Tensor x)
    {
        var y = tape.New(new Shape(x.Shape[0], 2 * x.Shape[1], 2 * x.Shape[2], x.Shape[3]), requiresGradient: x.RequiresGradient);
        tape.Backend.Upsample(x, y);
        if (x.RequiresGradient)
        {
            tape.Record(new UpsampleNode(x, y));
        }

        return y;
    }

    private sealed class UpsampleNode(Tensor x, Tensor y) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [y];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(y) is { } dy)
            {
                var dx = tape.Outgoing(x, out var add);
                tape.Backend.UpsampleBackward(dy, dx, add);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
        [Case(1, 1, 1, 1), Case(2, 3, 5, 3), Case(1, 4, 3, 16), Case(2, 2, 3, 12, twice: true), Case(64, 16, 16, 128) with { TimingOnly = true }];

    internal static OpCase Case(int images, int height, int width, int channels, bool twice = false) => new(
        "upsample",
        $"{images}x{height}x{width}x{channels}{(twice ? ", read twice" : "")}",
        [new("x", new Shape(images, height, width, channels))],
        (tape, i) => twice ? [Apply(tape, i[0]), Apply(tape, i[0])] : [Apply(tape, i[0])])
    {
        Flops = 0,
        BackwardFlops = 4.0 * images * height * width * channels,
        Elements = 5.0 * images * height * width * channels,
        BackwardElements = 5.0 * images * height * width * channels,
        SumLength = 4,
    };
}
