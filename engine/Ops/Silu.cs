using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// y = x sigmoid(x), the activation of the conditioning networks.
/// <para>Backward: dx = dy s (1 + x (1 - s)), s = sigmoid(x).</para>
/// Cost: about 10 operations an element.
/// </summary>
public static class Silu
{
    /// <summary>Applies the activation.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">Any shape.</param>
    /// <returns>The same shape.</returns>
    public static Tensor Apply(Tape tape, Tensor x)
    {
        var y = tape.New(x.Shape, requiresGradient: x.RequiresGradient);
        tape.Backend.Silu(x, y);
        if (x.RequiresGradient)
        {
            tape.Record(new SiluNode(x, y));
        }

        return y;
    }

    private sealed class SiluNode(Tensor x, Tensor y) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [y];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(y) is { } dy)
            {
                var dx = tape.Outgoing(x, out var add);
                tape.Backend.SiluBackward(dy, x, dx, add);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases => [Case(1, 1), Case(3, 7), Case(8, 48), Case(4096, 192) with { TimingOnly = true }];

    internal static OpCase Case(int rows, int columns) => new(
        "silu", $"{rows}x{columns}", [new("x", new Shape(rows, columns)) { Scale = 2 }], (tape, i) => [Apply(tape, i[0])])
    {
        Flops = 10.0 * rows * columns,
        Elements = 2.0 * rows * columns,
    };
}
