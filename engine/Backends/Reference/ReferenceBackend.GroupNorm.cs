namespace LDaeCore.Engine.Backends.Reference;

/// <content>Group normalisation.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.GroupNorm(in GroupNormArgs args)
    {
        Span<double> x = F64(args.X), y = F64(args.Y), weight = F64(args.Weight), bias = F64(args.Bias);
        var count = (double)args.Pixels * args.GroupChannels;
        for (var group = 0; group < args.Images * args.Groups; group++)
        {
            double mean = 0, variance = 0;
            foreach (var at in ElementsOf(args, group))
            {
                mean += x[at] / count;
            }

            foreach (var at in ElementsOf(args, group))
            {
                variance += (x[at] - mean) * (x[at] - mean) / count;
            }

            var rstd = 1 / Math.Sqrt(variance + NormEpsilon);
            (F64(args.Mean)[group], F64(args.Rstd)[group]) = (mean, rstd);
            foreach (var at in ElementsOf(args, group))
            {
                y[at] = ((x[at] - mean) * rstd * weight[at % args.Channels]) + bias[at % args.Channels];
            }
        }
    }

    void IKernels.GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients)
    {
        // With g = dy * weight: dx = rstd (g - mean(g) - xhat mean(g xhat)), the two means, over the group, being what its own mean and
        // variance pass back; dweight = sum of dy xhat and dbias = sum of dy over images and pixels.
        Span<double> x = F64(args.X), dy = F64(gradients.DY), weight = F64(args.Weight);
        var count = (double)args.Pixels * args.GroupChannels;
        for (var group = 0; group < args.Images * args.Groups; group++)
        {
            double mean = F64(args.Mean)[group], rstd = F64(args.Rstd)[group], meanG = 0, meanGx = 0;
            foreach (var at in ElementsOf(args, group))
            {
                var (channel, xhat) = (at % args.Channels, (x[at] - mean) * rstd);
                meanG += dy[at] * weight[channel] / count;
                meanGx += dy[at] * weight[channel] * xhat / count;
                if (gradients.DWeight is { } dWeight)
                {
                    F64(dWeight)[channel] += dy[at] * xhat;
                }

                if (gradients.DBias is { } dBias)
                {
                    F64(dBias)[channel] += dy[at];
                }
            }

            foreach (var at in gradients.DX is null ? [] : ElementsOf(args, group))
            {
                var value = rstd * ((dy[at] * weight[at % args.Channels]) - meanG - ((x[at] - mean) * rstd * meanGx));
                Put(ref F64(gradients.DX!)[at], value, gradients.AccumulateDX);
            }
        }
    }

    /// <summary>The places in x of one group of one image.</summary>
    private static IEnumerable<int> ElementsOf(GroupNormArgs args, int group)
    {
        var (image, first) = (group / args.Groups, group % args.Groups * args.GroupChannels);
        for (var pixel = 0; pixel < args.Pixels; pixel++)
        {
            for (var c = 0; c < args.GroupChannels; c++)
            {
                yield return (((image * args.Pixels) + pixel) * args.Channels) + first + c;
            }
        }
    }
}
