using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods.Autoencoders;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Tokenizers;

/// <summary>The convolutional tokenizer: its sizes, its loss with every gradient, and that training makes the loss smaller.</summary>
public sealed class ConvolutionalVaeTests
{
    private static readonly ConvolutionalVaeShape Tiny = new() { PatchSize = 4, TokenSize = 8, Width = 4, Blocks = 1, Groups = 2, DivergenceWeight = 0.3 };

    [TestCase(16, 8, 3)]
    [TestCase(8, 4, 2)]
    [TestCase(4, 2, 1)]
    public void The_stride_is_half_the_patch(int patch, int stride, int halvings)
    {
        var shape = new ConvolutionalVaeShape { PatchSize = patch, TokenSize = 32 };
        Assert.That((shape.Stride, shape.Halvings, shape.LatentChannels), Is.EqualTo((stride, halvings, 8)));
    }

    [TestCase(6, 8, 4, "power of two")]
    [TestCase(4, 6, 4, "multiple of 4")]
    [TestCase(4, 8, 3, "divide the channels")]
    public void Sizes_that_make_no_network_are_refused(int patch, int token, int width, string why) => Assert.That(
        () => new ConvolutionalVaeShape { PatchSize = patch, TokenSize = token, Width = width, Groups = 2 }.Check(),
        Throws.ArgumentException.With.Message.Contains(why));

    [TestCase(4)]
    [TestCase(8)]
    [TestCase(16)]
    public void Tokens_stand_for_the_patches_of_the_image(int patch)
    {
        using var cpu = new CpuBackend(2);
        using var small = new SmallConvolutionalVae(cpu, Tiny with { PatchSize = patch, TokenSize = 12 }, 2, 16);
        var tokens = 16 / patch * (16 / patch);
        var (encoded, decoded) = small.On((tape, pixels) =>
        {
            var z = small.Vae.Encode(tape, pixels);
            return (z.Shape, small.Vae.Decode(tape, z, 16, 16).Shape);
        });
        Assert.That(encoded, Is.EqualTo(new Shape(2, tokens, 12)));
        Assert.That(decoded, Is.EqualTo(new Shape(2, tokens, patch * patch * 3)));
    }

    /// <summary>Of four patches side by side, the tokens of the far half hardly feel a change of the first pixel, and the first does: order is kept.</summary>
    [Test]
    public void A_token_sees_its_own_patch_first()
    {
        using var reference = new ReferenceBackend();
        using var small = new SmallConvolutionalVae(reference, Tiny, 1, 8);
        var changes = small.On((tape, pixels) =>
        {
            var before = small.Vae.Encode(tape, pixels).ReadDoubles(reference);
            var values = pixels.ReadDoubles(reference);
            values[((7 * 8) + 7) * 3] += 0.5;
            pixels.Write(reference, values);
            var after = small.Vae.Encode(tape, pixels).ReadDoubles(reference);
            return before.Zip(after, (b, a) => Math.Abs(a - b)).Chunk(8).Select(token => token.Sum()).ToArray();
        });
        Assert.That(changes, Has.Length.EqualTo(4));
        Assert.That(changes[3], Is.EqualTo(changes.Max()).And.Positive);
    }

    /// <summary>The terms against their definitions, from the decoded latents and the means themselves.</summary>
    [Test]
    public void The_loss_is_squared_error_and_divergence()
    {
        using var reference = new ReferenceBackend();
        using var small = new SmallConvolutionalVae(reference, Tiny, 2, 8);
        var (loss, terms) = small.Loss();
        Assert.That(terms.Keys, Is.EqualTo(["loss_reconstruction", "loss_kl"]));
        Assert.That(loss, Is.EqualTo(terms["loss_reconstruction"] + (0.3 * 32 / 192 * terms["loss_kl"])).Within(1e-12), "32 latents for 192 values of an image");
        var plain = small.On((tape, pixels) =>
        {
            // Without noise, the reconstruction term would be this; with unit noise it differs.
            var decoded = small.Vae.Decode(tape, small.Vae.Encode(tape, pixels), 8, 8).ReadDoubles(reference);
            var patches = PatchGrid.ToPatches(tape, pixels, 4).ReadDoubles(reference);
            return decoded.Zip(patches, (a, b) => (a - b) * (a - b)).Average();
        });
        Assert.That(terms["loss_reconstruction"], Is.Not.EqualTo(plain).Within(1e-6));

        // A variance of exp(-40) leaves the mean, whose squared error is the plain one.
        foreach (var p in small.Parameters.All.Where(p => p.Name.StartsWith("encoder.log_variance", StringComparison.Ordinal)))
        {
            p.Value.Write(reference, Enumerable.Repeat(p.Name.EndsWith("bias", StringComparison.Ordinal) ? -40.0 : 0, (int)p.Shape.Count).ToArray());
        }

        Assert.That(small.Loss().Terms["loss_reconstruction"], Is.EqualTo(plain).Within(1e-6));
    }

    [Test]
    public void Every_parameter_gradient_agrees_with_central_differences()
    {
        using var reference = new ReferenceBackend();
        using var small = new SmallConvolutionalVae(reference, Tiny, 1, 8);
        Randomize(reference, small);
        small.Differentiate();
        var gradients = small.Parameters.All.ToDictionary(p => p.Name, p => p.Gradient.ReadDoubles(reference));
        var (name, error) = ParameterCheck.Worst(reference, small.Parameters, gradients, () => small.Loss().Loss);
        Assert.That(error, Is.LessThanOrEqualTo(1e-6), name);
    }

    [Test]
    public void A_few_dozen_steps_make_the_loss_smaller()
    {
        using var cpu = new CpuBackend(2);
        using var small = new SmallConvolutionalVae(cpu, Tiny with { TokenSize = 16, Width = 16, Groups = 4, DivergenceWeight = 1e-4 }, 8, 16);
        var start = small.Loss().Loss;
        Tensor first = small.Parameters.NewFlat(), second = small.Parameters.NewFlat();
        using var clip = new PersistentTensor(cpu, new Shape(1), cpu.ParameterType);
        cpu.Fill(clip.Tensor, 1);
        for (var step = 1u; step <= 40; step++)
        {
            small.Differentiate(step);
            cpu.AdamW(new AdamWArgs(small.Parameters.Values, small.Parameters.Gradients, first, second, clip.Tensor)
            {
                LearningRate = 0.003,
                Beta1 = 0.9,
                Beta2 = 0.95,
                Epsilon = 1e-8,
                Step = step,
            });
        }

        var end = small.Loss().Loss;
        TestContext.Out.WriteLine($"loss {start} to {end}");
        Assert.That(end, Is.LessThan(0.25 * start));
    }

    [Test]
    public void An_image_that_patches_do_not_tile_is_refused()
    {
        using var cpu = new CpuBackend(1);
        using var small = new SmallConvolutionalVae(cpu, Tiny with { PatchSize = 16 }, 1, 24);
        Assert.That(() => small.Loss(), Throws.ArgumentException.With.Message.Contains("16"));
    }

    /// <summary>Normalisation near one and everything else random, so that no gradient is zero.</summary>
    private static void Randomize(ReferenceBackend reference, SmallConvolutionalVae small)
    {
        foreach (var p in small.Parameters.All)
        {
            var center = p.Name.Contains("norm", StringComparison.Ordinal) && p.Name.EndsWith("weight", StringComparison.Ordinal) ? 1.0 : 0.0;
            var words = Enumerable.Range(0, 2 * (int)p.Shape.Count).Select(i => Philox.Word(31, RandomStream.Case, (uint)p.Index, (ulong)i)).ToArray();
            p.Value.Write(reference, [.. Enumerable.Range(0, (int)p.Shape.Count).Select(i => center + (0.2 * Philox.Normals<double>(words[2 * i], words[(2 * i) + 1]).First))]);
        }
    }
}
