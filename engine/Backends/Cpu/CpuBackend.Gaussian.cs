using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>The latent of a variational autoencoder: few elements beside the pixels they stand for, so plain loops do.</content>
public sealed unsafe partial class CpuBackend
{
    private const int GaussianPiece = 1024;

    void IKernels.GaussianLatent(in GaussianLatentArgs args)
    {
        var a = args;
        float* mean = F32(a.Mean), logVariance = F32(a.LogVariance), z = F32(a.Latents);
        var count = a.Mean.Shape.Count;
        var parts = new double[(count + GaussianPiece - 1) / GaussianPiece];
        Pieces(count, GaussianPiece, (first, length) =>
        {
            var sum = 0.0;
            for (var i = first; i < first + length; i++)
            {
                double m = mean[i], l = logVariance[i];
                z[i] = (float)(m + (Math.Exp(l / 2) * NoiseNormal(a.Seed, a.Step, a.FirstElement + i)));
                sum += ((m * m) + Math.Exp(l) - 1 - l) / 2;
            }

            parts[first / GaussianPiece] = sum;
        });
        *F32(a.Divergence) = (float)(parts.Sum() / count);
    }

    void IKernels.GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients)
    {
        var a = args;
        var (addMean, addLogVariance) = (gradients.AccumulateMean, gradients.AccumulateLogVariance);
        float* mean = F32(a.Mean), logVariance = F32(a.LogVariance), dz = F32OrNull(gradients.DLatents);
        float* dMean = F32(gradients.DMean), dLogVariance = F32(gradients.DLogVariance);
        var share = gradients.DDivergence is null ? 0.0 : (double)*F32(gradients.DDivergence) / a.Mean.Shape.Count;
        Pieces(a.Mean.Shape.Count, GaussianPiece, (first, length) =>
        {
            for (var i = first; i < first + length; i++)
            {
                double m = mean[i], l = logVariance[i], d = dz is null ? 0 : dz[i];
                var noise = Math.Exp(l / 2) * NoiseNormal(a.Seed, a.Step, a.FirstElement + i);
                var (byMean, byLogVariance) = ((float)(d + (share * m)), (float)(((d * noise) + (share * (Math.Exp(l) - 1))) / 2));
                dMean[i] = addMean ? dMean[i] + byMean : byMean;
                dLogVariance[i] = addLogVariance ? dLogVariance[i] + byLogVariance : byLogVariance;
            }
        });
    }

    /// <summary>The normal of an element of stream Noise.</summary>
    private static float NoiseNormal(ulong seed, uint step, long element)
    {
        var (x, y, u, v) = Philox.Block(seed, RandomStream.Noise, step, (ulong)(element / 4));
        var (first, second) = element % 4 < 2 ? Philox.Normals<float>(x, y) : Philox.Normals<float>(u, v);
        return element % 2 == 0 ? first : second;
    }
}
