using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Convolutions, up-sampling and patches of images with channels innermost.</content>
public sealed partial class ReferenceBackend
{
    private delegate void Product(Span<double> x, int input, Span<double> weight, int tap, Span<double> y, int output);

    void IKernels.Convolution(in ConvolutionArgs args)
    {
        var y = F64(args.Y);
        y.Clear();
        ForEachProduct(args, args.X, args.Weight, args.Y, static (x, input, weight, tap, y, output) => y[output] += x[input] * weight[tap]);
        for (var i = 0; i < y.Length; i++)
        {
            y[i] += args.Bias is { } bias ? F64(bias)[i % args.Outputs] : 0;
            y[i] += args.Residual is { } residual ? F64(residual)[i] : 0;
        }
    }

    void IKernels.ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate)
    {
        if (!accumulate)
        {
            F64(dx).Clear();
        }

        ForEachProduct(args, dx, args.Weight, dy, static (dx, input, weight, tap, dy, output) => dx[input] += dy[output] * weight[tap]);
    }

    void IKernels.ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate)
    {
        if (!accumulate)
        {
            F64(dWeight).Clear();
        }

        ForEachProduct(args, args.X, dWeight, dy, static (x, input, dWeight, tap, dy, output) => dWeight[tap] += dy[output] * x[input]);
    }

    void IKernels.Upsample(Tensor x, Tensor y)
    {
        for (var at = 0; at < F64(y).Length; at++)
        {
            F64(y)[at] = F64(x)[SourceOfUpsampled(at, y.Shape)];
        }
    }

    void IKernels.UpsampleBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        if (!accumulate)
        {
            F64(dx).Clear();
        }

        for (var at = 0; at < F64(dy).Length; at++)
        {
            F64(dx)[SourceOfUpsampled(at, dy.Shape)] += F64(dy)[at];
        }
    }

    void IKernels.ToPatches(Tensor image, int patch, Tensor patches, bool accumulate)
    {
        for (var at = 0; at < F64(patches).Length; at++)
        {
            Put(ref F64(patches)[at], F64(image)[PlaceInImage(at, image.Shape, patch)], accumulate);
        }
    }

    void IKernels.FromPatches(Tensor patches, int patch, Tensor image, bool accumulate)
    {
        for (var at = 0; at < F64(patches).Length; at++)
        {
            Put(ref F64(image)[PlaceInImage(at, image.Shape, patch)], F64(patches)[at], accumulate);
        }
    }

    /// <summary>
    /// A convolution is the sum of products y += x w. Which elements of x, w and y belong together is the same for the result and for both
    /// gradients, in which one of the three is what the products of the other two are added to.
    /// </summary>
    private static void ForEachProduct(in ConvolutionArgs args, Tensor input, Tensor kernel, Tensor output, Product add)
    {
        Shape x = args.X.Shape, w = args.Weight.Shape, y = args.Y.Shape;
        Span<double> xs = F64(input), weights = F64(kernel), ys = F64(output);
        for (var at = 0; at < y.Count; at++)
        {
            int n = at % y[3], j = at / y[3] % y[2], i = at / y[3] / y[2] % y[1], b = at / y[3] / y[2] / y[1];
            for (var tap = 0; tap < args.Taps; tap++)
            {
                int row = (args.Stride * i) + (tap / w[2]) - args.Padding, column = (args.Stride * j) + (tap % w[2]) - args.Padding;
                if (row < 0 || row >= x[1] || column < 0 || column >= x[2])
                {
                    continue;
                }

                for (var c = 0; c < x[3]; c++)
                {
                    add(xs, (((((b * x[1]) + row) * x[2]) + column) * x[3]) + c, weights, (((n * args.Taps) + tap) * x[3]) + c, ys, at);
                }
            }
        }
    }

    /// <summary>Element (b, i, j, c) of an image twice as high and wide comes from (b, i / 2, j / 2, c).</summary>
    private static int SourceOfUpsampled(int at, Shape y)
    {
        int c = at % y[3], j = at / y[3] % y[2], i = at / y[3] / y[2] % y[1], b = at / y[3] / y[2] / y[1];
        return (((((b * y[1] / 2) + (i / 2)) * (y[2] / 2)) + (j / 2)) * y[3]) + c;
    }

    /// <summary>Element (b, patch (i, j), row u, column v, c) of the patches is element (b, i P + u, j P + v, c) of the image.</summary>
    private static int PlaceInImage(int at, Shape image, int patch)
    {
        int c = at % image[3], v = at / image[3] % patch, u = at / image[3] / patch % patch, token = at / image[3] / patch / patch;
        int across = image[2] / patch, j = token % across, i = token / across % (image[1] / patch), b = token / across / (image[1] / patch);
        return (((((b * image[1]) + (i * patch) + u) * image[2]) + (j * patch) + v) * image[3]) + c;
    }
}
