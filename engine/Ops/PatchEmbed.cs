using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// From patches to tokens: y[b, t] = W patch[b, t] + bias + position[t], the positions being fixed. One matrix product whose
/// epilogue adds the positions, repeated for every image.
/// <para>Backward: dW = dy^T patches, dbias = sum of dy. Patches are data and get no gradient unless they ask for one.</para>
/// Cost: 2 B T D C.
/// </summary>
public static class PatchEmbed
{
    /// <summary>Applies the embedding.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="patches">[B, T, D].</param>
    /// <param name="weight">[C, D].</param>
    /// <param name="bias">[C].</param>
    /// <param name="positions">[T, C], not trained.</param>
    /// <returns>Tokens [B * T, C].</returns>
    public static Tensor Apply(Tape tape, Tensor patches, Tensor weight, Tensor bias, Tensor positions)
    {
        var needs = patches.RequiresGradient || weight.RequiresGradient || bias.RequiresGradient;
        var y = tape.New(new Shape(patches.Shape.Rows, weight.Shape.Rows), requiresGradient: needs);
        tape.Backend.MatMul(new MatMulArgs(patches, false, weight, true, y) { Bias = bias, Residual = positions });
        if (needs)
        {
            tape.Record(new PatchEmbedNode(patches, weight, bias, y));
        }

        return y;
    }

    private sealed class PatchEmbedNode(Tensor patches, Tensor weight, Tensor bias, Tensor y) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [y];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(y) is { } dy)
            {
                Linear.ProductBackward(tape, dy, patches, weight, bias);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 3, 4), Case(2, 9, 12, 10), Case(3, 4, 48, 17), Case(128, 64, 48, 192) with { TimingOnly = true },
        Case(64, 256, 768, 768) with { TimingOnly = true },
    ];

    internal static OpCase Case(int images, int tokens, int pixels, int width) => new(
        "patch embedding",
        $"{images}x{tokens}x{pixels} to {width}",
        [
            new("patches", new Shape(images, tokens, pixels)), new("weight", new Shape(width, pixels)) { Scale = 1 / Math.Sqrt(pixels), IsParameter = true },
            new("bias", new Shape(width)) { IsParameter = true }, new("positions", new Shape(tokens, width)) { Differentiable = false },
        ],
        (tape, i) => [Apply(tape, i[0], i[1], i[2], i[3])])
    {
        Flops = 2.0 * images * tokens * pixels * width,
        Elements = (double)images * tokens * (pixels + width),
        SumLength = Math.Max(pixels, images * tokens),
    };
}
