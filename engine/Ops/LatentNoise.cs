using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// What makes a denoising autoencoder latent: each patch is projected on d principal components, noised there, and projected
/// back to pixels; what the d components do not hold is lost. Data preparation: there is no backward.
/// Without a basis the latents are the pixels themselves, each noised by itself, which costs the normals and nothing else.
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

    /// <summary>Cuts images into patches and noises them in one pass.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="images">[B, H, W, 3], U8 or of the parameter type.</param>
    /// <param name="patch">Side of a patch; divides H and W.</param>
    /// <param name="range">Factor and offset of each channel [2, 3].</param>
    /// <param name="noise">The rest of the inputs, given the clean patches, which are made here.</param>
    /// <returns>Clean and noisy patches [B, T, D].</returns>
    public static (Tensor Clean, Tensor Noisy) FromImages(Tape tape, Tensor images, int patch, Tensor range, Func<Tensor, LatentNoiseArgs> noise)
    {
        var clean = tape.New(Patchify.ShapeOf(images, patch));
        var noisy = tape.New(clean.Shape);
        tape.Backend.LatentNoiseFromImages(images, patch, range, noise(clean) with { Noisy = noisy });
        return (clean, noisy);
    }

    /// <summary>Noises patches and stays in the latent space.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="args">Inputs; results are made here.</param>
    /// <returns>Noisy latents [B, T, d].</returns>
    public static Tensor Latents(Tape tape, in LatentNoiseArgs args)
    {
        var z = tape.New(new Shape(args.Clean.Shape[0], args.Clean.Shape[1], args.Dim));
        tape.Backend.LatentNoise(args with { Latents = z });
        return z;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 3, 1, 0), Case(2, 4, 12, 4, 0), Case(3, 5, 48, 8, 6), Case(2, 3, 37, 7, 1L << 33), Case(3, 5, 48, 40, 6), Case(1, 3, 130, 128, 0), Case(1, 2, 768, 128, 1),
        Case(1, 2, 768, 768, 0), IdentityCase(2, 4, 12, 0), IdentityCase(3, 5, 48, 6), IdentityCase(2, 3, 37, 1L << 33), Case(128, 64, 48, 8, 0) with { TimingOnly = true },
        Case(64, 256, 768, 32, 0) with { TimingOnly = true },
        .. TimedDims.Select(kept => Case(16, 64, 768, kept, 0) with { TimingOnly = true }), IdentityCase(16, 64, 768, 0) with { TimingOnly = true },
        ImageCase(1, 2, 2, 1, 1), ImageCase(2, 6, 9, 3, 7), ImageCase(2, 8, 8, 4, 8), ImageCase(1, 6, 4, 2, 3, bytes: false), ImageCase(2, 8, 8, 4, 8, bytes: false),
        ImageCase(64, 256, 256, 16, 32) with { TimingOnly = true },
    ];

    /// <summary>Components that the bench projects patches of 768 values on.</summary>
    internal static IReadOnlyList<int> TimedDims => [8, 32, 64, 128];

    internal static OpCase Case(int images, int tokens, int pixels, int kept, long first) => new(
        "latent noise",
        $"{images}x{tokens}x{pixels}, {kept} kept, first image {first}",
        [
            new("clean", new Shape(images, tokens, pixels)),
            .. Space(images, pixels, kept),
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

    internal static OpCase IdentityCase(int images, int tokens, int pixels, long first) => Case(images, tokens, pixels, pixels, first) with
    {
        Shape = $"{images}x{tokens}x{pixels}, identity, first image {first}",
        Inputs = [new("clean", new Shape(images, tokens, pixels)), .. Space(images, pixels, pixels).Where(input => !input.Orthonormal)],
        Run = (tape, i) =>
        {
            var args = new LatentNoiseArgs(i[0], i[1], null, i[2], i[3], i[4]) { Seed = 0x1234567890ABCDEF, Step = 77, FirstImage = first };
            return [Apply(tape, args), Latents(tape, args)];
        },
        Flops = 6.0 * images * tokens * pixels,
    };

    internal static OpCase ImageCase(int images, int height, int width, int patch, int kept, bool bytes = true)
    {
        int tokens = height / patch * (width / patch), pixels = patch * patch * 3;
        return new(
            "latent noise from images",
            $"{images}x{height}x{width}, patch {patch}, {kept} kept{(bytes ? "" : ", floats")}",
            [
                Patchify.Pixels(images, height, width, bytes),
                new("range", new Shape(2, 3)) { Scale = 0.01, IsParameter = true },
                .. Space(images, pixels, kept),
            ],
            (tape, i) =>
            {
                var (clean, noisy) = FromImages(
                    tape, i[0], patch, i[1], x => new LatentNoiseArgs(x, i[2], i[3], i[4], i[5], i[6]) { Seed = 0x1234567890ABCDEF, Step = 77 });
                return [clean, noisy];
            })
        {
            Flops = 4.0 * images * tokens * pixels * kept,
            Elements = 2.25 * images * tokens * pixels,
            SumLength = pixels,
            Differentiable = false,
        };
    }

    private static CaseInput[] Space(int images, int pixels, int kept) =>
    [
        new("mean", new Shape(pixels)) { Scale = 0.1, IsParameter = true },
        new("basis", new Shape(kept, pixels)) { Orthonormal = true, IsParameter = true },
        new("std", new Shape(kept)) { Positive = true, Mean = 2, Scale = 0.3, IsParameter = true },
        new("gamma", new Shape(images)) { Positive = true, IsParameter = true },
        new("sigma", new Shape(images)) { Positive = true, IsParameter = true },
    ];
}
