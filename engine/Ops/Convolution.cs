using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// y[b, i, j] = bias + residual + sum over u, v of W[u, v] x[b, S i + u - P, S j + v - P]: a two-dimensional convolution with zero padding, on
/// images whose channels lie innermost, so that it is a matrix product of windows with the weight. Of stride 2 it is the down-sampling of
/// the convolutional networks here: it halves both sides with trained weights at a quarter of the places, and an average of four
/// pixels is one of the functions it can become; no op of its own is needed for that.
/// <para>Backward: dx[b, y, x] = sum of W[u, v]^T dy over the outputs that read the pixel; dW[u, v] = sum of dy x^T; db = sum of dy; the residual
/// gets dy itself.</para>
/// Cost: 2 B H' W' N Kh Kw C forward, twice that backward (at stride S the input's gradient multiplies S^2 times as many windows, most of them zeros).
/// </summary>
public static class Convolution
{
    /// <summary>Applies the convolution.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="weight">[N, Kh, Kw, C].</param>
    /// <param name="bias">[N], or null.</param>
    /// <param name="stride">S: pixels from one window to the next.</param>
    /// <param name="padding">P: zeros around the image; half the kernel, which keeps sizes at stride 1, when not given.</param>
    /// <param name="residual">Added last, of the result's shape; or null.</param>
    /// <returns>[B, H', W', N], H' = (H + 2 P - Kh) / S + 1 rounded down.</returns>
    public static Tensor Apply(Tape tape, Tensor x, Tensor weight, Tensor? bias, int stride = 1, int? padding = null, Tensor? residual = null)
    {
        var pad = padding ?? weight.Shape[1] / 2;
        var needs = x.RequiresGradient || weight.RequiresGradient || bias?.RequiresGradient == true || residual?.RequiresGradient == true;
        var y = tape.New(ConvolutionArgs.ResultOf(x.Shape, weight.Shape, stride, pad), requiresGradient: needs);
        var args = new ConvolutionArgs(x, weight, y) { Bias = bias, Residual = residual, Stride = stride, Padding = pad };
        tape.Backend.Convolution(args);
        if (needs)
        {
            tape.Record(new ConvolutionNode(args));
        }

        return y;
    }

    private sealed class ConvolutionNode(ConvolutionArgs args) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [args.Y];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(args.Y) is not { } dy)
            {
                return;
            }

            if (args.Bias is { RequiresGradient: true } bias)
            {
                var db = tape.Outgoing(bias, out var add);
                tape.Backend.SumRows(dy, db, add);
            }

            if (args.Weight.RequiresGradient)
            {
                var dw = tape.Outgoing(args.Weight, out var add);
                tape.Backend.ConvolutionWeightGradient(args, dy, dw, add);
            }

            if (args.X.RequiresGradient)
            {
                var dx = tape.Outgoing(args.X, out var add);
                tape.Backend.ConvolutionInputGradient(args, dy, dx, add);
            }

            if (args.Residual is { RequiresGradient: true } residual)
            {
                tape.PassOn(tape.Take(args.Y)!, residual);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 5, 7, 3, 4), Case(2, 6, 5, 4, 3, stride: 2), Case(1, 4, 3, 3, 8, kernel: 1), Case(2, 5, 5, 8, 8, residual: true),
        Case(1, 7, 6, 5, 6, kernel: 1, stride: 2), Case(2, 8, 6, 8, 16, stride: 2), Case(1, 3, 3, 16, 5, bias: false), Case(2, 1, 1, 2, 3),
        Case(1, 4, 4, 16, 16, kernel: 1, residual: true), TwoReaders(1, 4, 5, 3),
        Case(64, 32, 32, 64, 64) with { TimingOnly = true }, Case(64, 16, 16, 128, 128) with { TimingOnly = true },
        Case(64, 32, 32, 64, 64, stride: 2) with { TimingOnly = true }, Case(8, 64, 64, 128, 128) with { TimingOnly = true },
    ];

    internal static OpCase Case(
        int images, int height, int width, int inputs, int outputs, int kernel = 3, int stride = 1, bool bias = true, bool residual = false)
    {
        var result = ConvolutionArgs.ResultOf(new Shape(images, height, width, inputs), new Shape(outputs, kernel, kernel, inputs), stride, kernel / 2);
        List<CaseInput> cases =
        [
            new("x", new Shape(images, height, width, inputs)),
            new("weight", new Shape(outputs, kernel, kernel, inputs)) { Scale = 1 / Math.Sqrt(kernel * kernel * inputs), IsParameter = true },
        ];
        if (bias)
        {
            cases.Add(new CaseInput("bias", new Shape(outputs)) { Scale = 0.2, IsParameter = true });
        }

        if (residual)
        {
            cases.Add(new CaseInput("residual", result));
        }

        var name = $"{images}x{height}x{width}x{inputs} to {outputs}, kernel {kernel}, stride {stride}{(bias ? "" : " no bias")}{(residual ? " residual" : "")}";
        return new OpCase("convolution", name, cases, (tape, i) =>
            [Apply(tape, i[0], i[1], bias ? i[2] : null, stride, residual: residual ? i[^1] : null)])
        {
            Flops = 2.0 * result.Count * kernel * kernel * inputs,
            Elements = ((double)images * height * width * inputs) + ((double)outputs * kernel * kernel * inputs) + (result.Count * (residual ? 2 : 1)),
            SumLength = Math.Max(kernel * kernel * Math.Max(inputs, outputs), result.Rows),
        };
    }

    /// <summary>One image and one weight in two convolutions: the second contributions to their gradients are added.</summary>
    private static OpCase TwoReaders(int images, int height, int width, int channels) => new(
        "convolution",
        $"{images}x{height}x{width}x{channels}, read twice",
        [
            new("x", new Shape(images, height, width, channels)),
            new("weight", new Shape(channels, 3, 3, channels)) { Scale = 1 / Math.Sqrt(9 * channels), IsParameter = true },
            new("bias", new Shape(channels)) { Scale = 0.2, IsParameter = true },
        ],
        (tape, i) => [Apply(tape, i[0], i[1], i[2]), Apply(tape, i[0], i[1], i[2], stride: 2)])
    {
        Flops = 2.0 * images * height * width * channels * 9 * channels * 1.25,
        SumLength = Math.Max(9 * channels, images * height * width),
    };
}
