using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Encoders;

/// <summary>A denoiser's encoder folded into a plain ViT has the same features.</summary>
public sealed class VitFoldingTests
{
    [TestCase(10, ProbeInput.Original, "conditioning.time=true")]
    [TestCase(700, ProbeInput.Original, "conditioning.time=true")]
    [TestCase(10, ProbeInput.Pca, "conditioning.time=true")]
    [TestCase(10, ProbeInput.Pca, "data.range=imageNet")]
    [TestCase(10, ProbeInput.Original, "conditioning.time=false")]
    [TestCase(10, ProbeInput.Original, "conditioning.class=true", "conditioning.classes=3")]
    [TestCase(700, ProbeInput.Pca, "conditioning.class=true", "conditioning.classes=8")]
    [TestCase(10, ProbeInput.Original, "conditioning.class=true", "conditioning.classes=3", "conditioning.time=false")]
    public void Features_are_the_same(int time, ProbeInput input, params string[] settings)
    {
        // Random gates: closed ones would make every block the identity, and nothing would be compared.
        var recipe = Toy.Recipe(["network.gateInit=random", "network.depth=4", "network.encoderDepth=3", .. settings]);
        var probe = recipe.Probe with { Time = time, Input = input };
        using var exact = new ReferenceBackend();
        using var model = new LatentDenoiser(exact, recipe, Pca(recipe));
        var expected = Features(new DenoiserEncoder(model, probe));
        var folded = VitFolding.Fold(model, probe);
        Assert.That(folded.Values.Keys, Is.EquivalentTo(folded.Configuration.Parameters.Select(p => p.Name)));
        using var fast = new CpuBackend(1);
        foreach (var backend in (IBackend[])[exact, fast])
        {
            var features = Features(new VitEncoder(backend, folded, null));
            var error = features.Zip(expected, (a, b) => Math.Abs(a - b)).Max() / expected.Max(Math.Abs);
            Assert.That(error, Is.LessThan(backend.Kind == DeviceKind.Reference ? 2e-6 : 1e-5), backend.Kind.ToString());
        }
    }

    [Test]
    public void The_level_of_noise_changes_what_is_folded()
    {
        var recipe = Toy.Recipe("network.gateInit=random");
        using var backend = new ReferenceBackend();
        using var model = new LatentDenoiser(backend, recipe, Pca(recipe));
        float[] Bias(int time) => VitFolding.Fold(model, recipe.Probe with { Time = time }).Values["blocks.0.norm1.bias"];
        Assert.That(Bias(10), Is.Not.EqualTo(Bias(700)).Within(1e-4));
    }

    [Test]
    public void What_no_plain_ViT_can_stand_for_is_refused_by_name()
    {
        var recipe = Toy.Recipe("objective.input=latent");
        using var backend = new ReferenceBackend();
        using var model = new LatentDenoiser(backend, recipe, Pca(recipe));
        Assert.That(() => VitFolding.Fold(model, recipe.Probe), Throws.InstanceOf<LdaeException>().With.Message.Contains("objective.input = latent"));
    }

    private static PatchPca Pca(Recipe recipe) => PatchSample.Fit(recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1);

    private static float[] Features(IEncoder encoder)
    {
        var images = Toy.Images(3);
        using var extractor = new FeatureExtractor(encoder, ownsEncoder: true);
        var features = new float[3 * extractor.Channels];
        extractor.Extract([.. Enumerable.Range(0, 3).SelectMany(i => images.Decode(i).Pixels)], 0, features);
        return features;
    }
}
