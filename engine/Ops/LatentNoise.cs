using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// What makes a denoising autoencoder latent: each patch is projected on d principal components, noised there, and projected
/// back to pixels; what the d components do not hold is lost. Data preparation: there is no backward.
/// Cost: 4 B T d D operations; reads the clean patches, writes the noisy ones.
/// </summary>
public static class LatentNoise
{
    /// <summary>Noises patches.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="args">Inputs; results are made here.</param>
    /// <returns>Noisy patches [B, T, D].</returns>
    public static Tensor Apply(Tape tape, in LatentNoiseArgs args)
    {
        var noisy = tape.New(args.Clean.Shape);
        tape.Backend.LatentNoise(args with { Noisy = noisy });
        return noisy;
    }

    /// <summary>Noises patches and stays in the latent space.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="args">Inputs; results are made here.</param>
    /// <returns>Noisy latents [B, T, d].</returns>
    public static Tensor Latents(Tape tape, in LatentNoiseArgs args)
    {
        var z = tape.New(new Shape(args.Clean.Shape[0], args.Clean.Shape[1], args.Basis.Shape.Rows));
        tape.Backend.LatentNoise(args with { Latents = z });
        return z;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 3, 1, 0), Case(2, 4, 12, 4, 0), Case(3, 5, 48, 8, 6), Case(2, 3, 37, 7, 1L << 33), Case(128, 64, 48, 8, 0) with { TimingOnly = true },
        Case(64, 256, 768, 32, 0) with { TimingOnly = true },
    ];

    internal static OpCase Case(int images, int tokens, int pixels, int kept, long first) => new(
        "latent noise",
        $"{images}x{tokens}x{pixels}, {kept} kept, first image {first}",
        [
            new("clean", new Shape(images, tokens, pixels)),
            new("mean", new Shape(pixels)) { Scale = 0.1, IsParameter = true },
            new("basis", new Shape(kept, pixels)) { Orthonormal = true, IsParameter = true },
            new("std", new Shape(kept)) { Positive = true, Mean = 2, Scale = 0.3, IsParameter = true },
            new("gamma", new Shape(images)) { Positive = true, IsParameter = true },
            new("sigma", new Shape(images)) { Positive = true, IsParameter = true },
        ],
        (tape, i) =>
        {
            var args = new LatentNoiseArgs(i[0], i[1], i[2], i[3], i[4], i[5]) { Seed = 0x1234567890ABCDEF, Step = 77, FirstImage = first };
            return [Apply(tape, args), Latents(tape, args)];
        })
    {
        Flops = 4.0 * images * tokens * pixels * kept,
        Elements = 2.0 * images * tokens * pixels,
        SumLength = pixels,
        Differentiable = false,
    };
}
