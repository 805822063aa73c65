using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// y = x Phi(x), the exact GELU of models that were trained elsewhere; Phi is the normal distribution's cumulative function. What is
/// trained here has the tanh form, which a linear layer computes on its way.
/// <para>Backward: dx = dy (Phi(x) + x phi(x)), phi(x) = exp(-x^2 / 2) / sqrt(2 pi).</para>
/// Cost: about 30 operations an element; memory-bound on a GPU.
/// </summary>
public static class GeluErf
{
    /// <summary>Applies the activation.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">Any shape.</param>
    /// <returns>The same shape.</returns>
    public static Tensor Apply(Tape tape, Tensor x)
    {
        var y = tape.New(x.Shape, requiresGradient: x.RequiresGradient);
        tape.Backend.GeluErf(x, y);
        if (x.RequiresGradient)
        {
            tape.Record(new GeluErfNode(x, y));
        }

        return y;
    }

    private sealed class GeluErfNode(Tensor x, Tensor y) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [y];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(y) is { } dy)
            {
                var dx = tape.Outgoing(x, out var add);
                tape.Backend.GeluErfBackward(dy, x, dx, add);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases => [Case(1, 1), Case(3, 7), Case(8, 48), Case(4096, 768) with { TimingOnly = true }];

    internal static OpCase Case(int rows, int columns) => new(
        "gelu, exact", $"{rows}x{columns}", [new("x", new Shape(rows, columns)) { Scale = 2 }], (tape, i) => [Apply(tape, i[0])])
    {
        Flops = 30.0 * rows * columns,
        Elements = 2.0 * rows * columns,
    };
}
