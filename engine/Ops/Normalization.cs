using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// The residual stream's one pass per half block: h = x + gate * branch, then layer normalisation of h, then modulation
/// y = xhat (1 + scale) + shift or affine y = xhat weight + bias. The first part alone (<see cref="AddBranch"/>) ends a network.
/// <para>
/// Backward, one read: dh arrives both along the stream and through the normalisation,
/// dh += rstd (g - mean(g) - xhat mean(g xhat)) with g = dy slope; then dx = dh, dbranch = gate dh, dgate = sum_t dh branch,
/// dshift = sum_t dy, dscale = sum_t dy xhat.
/// </para>
/// Cost: about 8 operations an element; memory-bound: reads x and branch, writes h and y.
/// </summary>
public static class Normalization
{
    /// <summary>Normalises without a branch: y only.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B * T, C].</param>
    /// <param name="shift">A row an image, or null.</param>
    /// <param name="scale">A row an image, or null.</param>
    /// <param name="weight">[C], or null; not together with scale.</param>
    /// <param name="bias">[C], or null; not together with shift.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <returns>y [B * T, C].</returns>
    public static Tensor Apply(
        Tape tape,
        Tensor x,
        Modulation? shift = null,
        Modulation? scale = null,
        Tensor? weight = null,
        Tensor? bias = null,
        double epsilon = LayerNormArgs.DefaultEpsilon)
    {
        var y = tape.New(x.Shape, requiresGradient: Any(x, shift?.Table, scale?.Table, weight, bias));
        Run(tape, WithStatistics(tape, new LayerNormArgs(x) { Shift = shift, Scale = scale, Weight = weight, Bias = bias, Y = y, Epsilon = epsilon }));
        return y;
    }

    /// <summary>Adds a gated branch to the stream and normalises the sum.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">The stream [B * T, C].</param>
    /// <param name="branch">[B * T, C].</param>
    /// <param name="gate">A row an image, or null for 1.</param>
    /// <param name="shift">A row an image, or null.</param>
    /// <param name="scale">A row an image, or null.</param>
    /// <param name="weight">[C], or null.</param>
    /// <param name="bias">[C], or null.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <returns>The new stream and y.</returns>
    public static (Tensor H, Tensor Y) Apply(
        Tape tape,
        Tensor x,
        Tensor branch,
        Modulation? gate,
        Modulation? shift,
        Modulation? scale,
        Tensor? weight = null,
        Tensor? bias = null,
        double epsilon = LayerNormArgs.DefaultEpsilon)
    {
        var streamNeeds = Any(x, branch, gate?.Table);
        var h = tape.New(x.Shape, requiresGradient: streamNeeds);
        var y = tape.New(x.Shape, requiresGradient: streamNeeds || Any(shift?.Table, scale?.Table, weight, bias));
        Run(tape, WithStatistics(tape, new LayerNormArgs(x)
        {
            Branch = branch,
            Gate = gate,
            Shift = shift,
            Scale = scale,
            Weight = weight,
            Bias = bias,
            H = h,
            Y = y,
            Epsilon = epsilon,
        }));
        return (h, y);
    }

    /// <summary>Adds a gated branch to the stream: h = x + gate * branch.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">The stream [B * T, C].</param>
    /// <param name="branch">[B * T, C].</param>
    /// <param name="gate">A row an image, or null for 1.</param>
    /// <returns>The new stream.</returns>
    public static Tensor AddBranch(Tape tape, Tensor x, Tensor branch, Modulation? gate)
    {
        var h = tape.New(x.Shape, requiresGradient: Any(x, branch, gate?.Table));
        Run(tape, new LayerNormArgs(x) { Branch = branch, Gate = gate, H = h });
        return h;
    }

    private static LayerNormArgs WithStatistics(Tape tape, LayerNormArgs args)
    {
        var rows = new Shape(args.X.Shape.Rows);
        return args with { Mean = tape.New(rows, tape.Backend.ParameterType), Rstd = tape.New(rows, tape.Backend.ParameterType) };
    }

    private static void Run(Tape tape, LayerNormArgs args)
    {
        tape.Backend.LayerNorm(args);
        if (args.Y?.RequiresGradient == true || args.H?.RequiresGradient == true)
        {
            tape.Record(new NormalizationNode(args));
        }
    }

    private static bool Any(params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (tensor?.RequiresGradient == true)
            {
                return true;
            }
        }

        return false;
    }

    private sealed class NormalizationNode(LayerNormArgs args) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } =
            new[] { args.H, args.Y, args.Mean, args.Rstd }.OfType<Tensor>().ToArray();

        public override void Backward(Tape tape)
        {
            var dy = args.Y is { } y ? tape.Incoming(y) : null;
            var dh = args.H is { } h ? tape.Take(h) : null;
            if (dy is null && dh is null)
            {
                return;
            }

            // The stream's gradient flows through: when x has none yet, the memory that holds dh becomes dx.
            var own = args.X.RequiresGradient ? tape.Incoming(args.X) : null;
            var dx = own ?? dh ?? tape.New(args.X.Shape);
            var dBranch = args.Branch is { RequiresGradient: true } branch ? BranchGradient(tape, branch) : default;
            tape.Backend.LayerNormBackward(args, new LayerNormGradients(dy, dh, dx, own is not null)
            {
                DBranch = dBranch.Place,
                DGate = Gradient(tape, args.Gate),
                DShift = Gradient(tape, args.Shift),
                DScale = Gradient(tape, args.Scale),
                DWeight = args.Weight is { RequiresGradient: true } weight ? tape.OutgoingZeroed(weight) : null,
                DBias = args.Bias is { RequiresGradient: true } bias ? tape.OutgoingZeroed(bias) : null,
            });
            if (own is null)
            {
                tape.PassOn(dx, args.X);
            }
            else if (dh is not null)
            {
                tape.Free(dh);
            }

            if (dBranch is { Extra: true, Place: { } place })
            {
                tape.PassOn(place, args.Branch!);
            }
        }

        /// <summary>The kernel stores the branch's gradient; when something is there already, it goes beside it first.</summary>
        private static (Tensor? Place, bool Extra) BranchGradient(Tape tape, Tensor branch) =>
            tape.Incoming(branch) is null ? (tape.Outgoing(branch, out _), false) : (tape.New(branch.Shape), true);

        private static Modulation? Gradient(Tape tape, Modulation? modulation) =>
            modulation is { Table.RequiresGradient: true } m ? new Modulation(tape.OutgoingZeroed(m.Table), m.Chunk) : null;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Plain(1, 1, 2, 1e-3), Plain(1, 5, 37), Plain(3, 7, 64),
        Affine(2, 3, 19), Affine(2, 4, 24, 0.3), Modulated(1, 1, 8), Modulated(2, 5, 12), Modulated(3, 4, 37), Modulated(2, 9, 192),
        Gated(2, 3, 10), Gated(1, 17, 33), Modulated(128, 64, 192) with { TimingOnly = true },
        Modulated(64, 256, 768) with { TimingOnly = true },
    ];

    /// <summary>With two columns and a tiny spread, eps is all that keeps the gradient alive.</summary>
    private static OpCase Plain(int images, int tokens, int width, double scale = 1) => new(
        "layernorm",
        $"{images * tokens}x{width}, std {scale}",
        [new("x", new Shape(images * tokens, width)) { Mean = 0.3 * scale, Scale = scale }],
        (tape, i) => [Apply(tape, i[0])])
    {
        Flops = 8.0 * images * tokens * width,
        Elements = 2.0 * images * tokens * width,
        SumLength = width,
    };

    internal static OpCase Affine(int images, int tokens, int width, double epsilon = LayerNormArgs.DefaultEpsilon) => new(
        "layernorm",
        $"{images * tokens}x{width} residual affine{(epsilon == LayerNormArgs.DefaultEpsilon ? "" : $", epsilon {epsilon}")}",
        [
            new("x", new Shape(images * tokens, width)), new("branch", new Shape(images * tokens, width)),
            new("weight", new Shape(width)) { Mean = 1, Scale = 0.2, IsParameter = true },
            new("bias", new Shape(width)) { Scale = 0.2, IsParameter = true },
        ],
        (tape, i) =>
        {
            var (h, y) = Apply(tape, i[0], i[1], null, null, null, i[2], i[3], epsilon);
            return [h, y];
        })
    {
        Flops = 9.0 * images * tokens * width,
        Elements = 4.0 * images * tokens * width,
        BackwardElements = 6.0 * images * tokens * width,
        SumLength = Math.Max(width, images * tokens),
    };

    internal static OpCase Modulated(int images, int tokens, int width) => new(
        "layernorm",
        $"{images}x{tokens}x{width} gate, modulate",
        [
            new("x", new Shape(images * tokens, width)), new("branch", new Shape(images * tokens, width)),
            new("table", new Shape(images, 3 * width)) { Scale = 0.2 },
        ],
        (tape, i) =>
        {
            var (h, y) = Apply(tape, i[0], i[1], new Modulation(i[2], 1), new Modulation(i[2], 0), new Modulation(i[2], 2));
            return [h, y];
        })
    {
        Flops = 12.0 * images * tokens * width,
        Elements = 4.0 * images * tokens * width,
        BackwardElements = 6.0 * images * tokens * width,
        SumLength = Math.Max(width, tokens),
    };

    private static OpCase Gated(int images, int tokens, int width) => new(
        "layernorm",
        $"{images}x{tokens}x{width} gate only",
        [
            new("x", new Shape(images * tokens, width)), new("branch", new Shape(images * tokens, width)),
            new("table", new Shape(images, 2 * width)) { Scale = 0.2 },
        ],
        (tape, i) => [AddBranch(tape, i[0], i[1], new Modulation(i[2], 1))])
    {
        Flops = 2.0 * images * tokens * width,
        Elements = 3.0 * images * tokens * width,
        SumLength = tokens,
    };
}
