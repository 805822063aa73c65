using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// The latent of a variational autoencoder (Kingma and Welling 2014): z = mean + exp(logvar / 2) n, n standard normal, and the mean over
/// elements of KL[N(mean, exp(logvar)) | N(0, 1)] = (mean^2 + exp(logvar) - 1 - logvar) / 2.
/// <para>Backward, with k = dKL / elements: dmean = dz + k mean; dlogvar = (dz exp(logvar / 2) n + k (exp(logvar) - 1)) / 2. The noise is
/// drawn again, not kept.</para>
/// Cost: about 100 operations an element, most of them the random number's.
/// </summary>
public static class GaussianLatent
{
    /// <summary>Draws latents.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="mean">[B, ..].</param>
    /// <param name="logVariance">[B, ..].</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="firstImage">Place of the first image in the global batch.</param>
    /// <returns>The latents, of the same shape, and the divergence [1].</returns>
    public static (Tensor Latents, Tensor Divergence) Apply(Tape tape, Tensor mean, Tensor logVariance, ulong seed, uint step, long firstImage = 0)
    {
        var needs = mean.RequiresGradient || logVariance.RequiresGradient;
        var z = tape.New(mean.Shape, requiresGradient: needs);
        var divergence = tape.New(new Shape(1), tape.Backend.ParameterType, needs);
        var args = new GaussianLatentArgs(mean, logVariance, z, divergence) { Seed = seed, Step = step, FirstImage = firstImage };
        tape.Backend.GaussianLatent(args);
        if (needs)
        {
            tape.Record(new GaussianLatentNode(args));
        }

        return (z, divergence);
    }

    private sealed class GaussianLatentNode(GaussianLatentArgs args) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [args.Latents, args.Divergence];

        public override void Backward(Tape tape)
        {
            var (dz, dDivergence) = (tape.Incoming(args.Latents), tape.Incoming(args.Divergence));
            if (dz is null && dDivergence is null)
            {
                return;
            }

            var dMean = tape.Outgoing(args.Mean, out var addMean);
            var dLogVariance = tape.Outgoing(args.LogVariance, out var addLogVariance);
            tape.Backend.GaussianLatentBackward(args, new GaussianLatentGradients(dz, dDivergence, dMean, addMean, dLogVariance, addLogVariance));
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
        [Case(1, 1), Case(3, 5), Case(2, 37, 6), Case(3, 130, 1L << 32, twice: true), Case(64, 4096) with { TimingOnly = true }];

    internal static OpCase Case(int images, int elements, long first = 0, bool twice = false) => new(
        "gaussian latent",
        $"{images}x{elements}, first image {first}{(twice ? ", read twice" : "")}",
        [new("mean", new Shape(images, elements)), new("logvar", new Shape(images, elements))],
        (tape, i) =>
        {
            var (z, divergence) = Apply(tape, i[0], i[1], 0x1234567890ABCDEF, 77, first);
            if (!twice)
            {
                return [z, divergence];
            }

            var (other, _) = Apply(tape, i[0], i[1], 5, 6, first);
            return [z, divergence, other];
        })
    {
        Flops = 100.0 * images * elements,
        Elements = 3.0 * images * elements,
        BackwardFlops = 100.0 * images * elements,
        BackwardElements = 5.0 * images * elements,
        SumLength = images * elements,
    };
}
