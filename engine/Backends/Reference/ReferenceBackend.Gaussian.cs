namespace LDaeCore.Engine.Backends.Reference;

/// <content>The latent of a variational autoencoder.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.GaussianLatent(in GaussianLatentArgs args)
    {
        Span<double> mean = F64(args.Mean), logVariance = F64(args.LogVariance), z = F64(args.Latents);
        var divergence = 0.0;
        for (var i = 0; i < z.Length; i++)
        {
            z[i] = mean[i] + (Math.Exp(logVariance[i] / 2) * Normal(args.Seed, args.Step, args.FirstElement + i));
            divergence += ((mean[i] * mean[i]) + Math.Exp(logVariance[i]) - 1 - logVariance[i]) / 2;
        }

        F64(args.Divergence)[0] = divergence / z.Length;
    }

    void IKernels.GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients)
    {
        Span<double> mean = F64(args.Mean), logVariance = F64(args.LogVariance);
        var share = (gradients.DDivergence is { } incoming ? F64(incoming)[0] : 0) / mean.Length;
        for (var i = 0; i < mean.Length; i++)
        {
            var dz = gradients.DLatents is { } dLatents ? F64(dLatents)[i] : 0;
            var noise = Math.Exp(logVariance[i] / 2) * Normal(args.Seed, args.Step, args.FirstElement + i);
            Put(ref F64(gradients.DMean)[i], dz + (share * mean[i]), gradients.AccumulateMean);
            Put(ref F64(gradients.DLogVariance)[i], (dz * noise / 2) + (share * (Math.Exp(logVariance[i]) - 1) / 2), gradients.AccumulateLogVariance);
        }
    }
}
