using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Group normalisation (Wu and He 2018): y = (x - mean) / sqrt(var + 1e-6) * weight + bias, mean and variance over the pixels and neighbouring
/// channels that form a group of one image. It does not look at other images, so a batch of one trains as a large one does.
/// <para>Backward, with g = dy weight: dx = rstd (g - mean(g) - xhat mean(g xhat)); dweight = sum of dy xhat, dbias = sum of dy.</para>
/// Cost: about 8 operations an element; memory-bound.
/// </summary>
public static class GroupNormalization
{
    /// <summary>Normalises.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="groups">Groups of channels; divides C.</param>
    /// <param name="weight">[C].</param>
    /// <param name="bias">[C].</param>
    /// <returns>[B, H, W, C].</returns>
    public static Tensor Apply(Tape tape, Tensor x, int groups, Tensor weight, Tensor bias)
    {
        var needs = x.RequiresGradient || weight.RequiresGradient || bias.RequiresGradient;
        var statistics = new Shape(x.Shape[0], groups);
        var y = tape.New(x.Shape, requiresGradient: needs);
        var mean = tape.New(statistics, tape.Backend.ParameterType);
        var rstd = tape.New(statistics, tape.Backend.ParameterType);
        var args = new GroupNormArgs(x, groups, weight, bias, y, mean, rstd);
        tape.Backend.GroupNorm(args);
        if (needs)
        {
            tape.Record(new GroupNormNode(args));
        }

        return y;
    }

    private sealed class GroupNormNode(GroupNormArgs args) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [args.Y, args.Mean, args.Rstd];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(args.Y) is not { } dy)
            {
                return;
            }

            var dWeight = args.Weight.RequiresGradient ? tape.OutgoingZeroed(args.Weight) : null;
            var dBias = args.Bias.RequiresGradient ? tape.OutgoingZeroed(args.Bias) : null;
            var add = false;
            var dx = args.X.RequiresGradient ? tape.Outgoing(args.X, out add) : null;
            tape.Backend.GroupNormBackward(args, new GroupNormGradients(dy, dx, add, dWeight, dBias));
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 3, 4, 2), Case(2, 3, 5, 6, 3), Case(2, 4, 4, 16, 4), Case(1, 5, 3, 3, 1), Case(3, 2, 2, 8, 8), Case(2, 9, 7, 40, 4),
        Case(1, 3, 3, 4, 2, 1e-3), TwoReaders(2, 3, 3, 8, 2),
        Case(64, 32, 32, 64, 16) with { TimingOnly = true }, Case(64, 16, 16, 128, 32) with { TimingOnly = true },
        Case(8, 128, 128, 128, 32) with { TimingOnly = true },
    ];

    internal static OpCase Case(int images, int height, int width, int channels, int groups, double scale = 1) => new(
        "group norm",
        $"{images}x{height}x{width}x{channels}, {groups} groups, std {scale}",
        Inputs(images, height, width, channels, scale),
        (tape, i) => [Apply(tape, i[0], groups, i[1], i[2])])
    {
        Flops = 8.0 * images * height * width * channels,
        Elements = 2.0 * images * height * width * channels,
        SumLength = images * height * width * channels / groups,
    };

    private static List<CaseInput> Inputs(int images, int height, int width, int channels, double scale) =>
    [
        new("x", new Shape(images, height, width, channels)) { Mean = 0.5 * scale, Scale = scale },
        new("weight", new Shape(channels)) { Mean = 1, Scale = 0.3, IsParameter = true },
        new("bias", new Shape(channels)) { Scale = 0.3, IsParameter = true },
    ];

    /// <summary>The same input and parameters twice, in different groups: every second contribution is added.</summary>
    private static OpCase TwoReaders(int images, int height, int width, int channels, int groups) => new(
        "group norm",
        $"{images}x{height}x{width}x{channels}, read twice",
        Inputs(images, height, width, channels, 1),
        (tape, i) => [Apply(tape, i[0], groups, i[1], i[2]), Apply(tape, i[0], channels, i[1], i[2])])
    {
        Flops = 16.0 * images * height * width * channels,
        SumLength = images * height * width * channels / groups,
    };
}
