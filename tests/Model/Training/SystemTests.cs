using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>Every system of the journey, small, from its first patch to a probe's features, a reconstruction and a sample.</summary>
public sealed class SystemTests : FolderPerTest
{
    private const string Dit = "objective.target=noise objective.input=latent objective.output=latent noise.schedule=linearBeta conditioning.class=true";
    private const string Latent = "objective.target=noise objective.input=latent objective.output=latent noise.schedule=linearGammaSquared";

    [TestCase(Dit)]
    [TestCase(Dit + " conditioning.time=false")]
    [TestCase("objective.target=noise objective.input=latent objective.output=latent noise.schedule=linearBeta")]
    [TestCase(Latent + " tokenizer.kind=patchVae")]
    [TestCase(Latent + " tokenizer.kind=patchAe tokenizer.scale=whiten")]
    [TestCase(Latent + " tokenizer.kind=convVae tokenizer.dim=8 tokenizer.channels=4 tokenizer.blocks=1")]
    [TestCase(Latent)]
    [TestCase(Latent + " tokenizer.kind=identity tokenizer.dim=0")]
    [TestCase("objective.input=latent objective.output=latent noise.schedule=linearGammaSquared")]
    [TestCase("objective.input=latent objective.output=latent")]
    [TestCase("objective.output=latent")]
    [TestCase("objective.output=pca")]
    [TestCase("objective.output=original")]
    [TestCase("tokenizer.kind=identity tokenizer.dim=0")]
    public void A_system_is_trained_resumed_read_and_sampled(string settings)
    {
        using var backend = new CpuBackend(2);
        var recipe = Toy.Recipe([.. settings.Split(' '), "tokenizer.trainEpochs=2", "network.gateInit=random"]);
        RecipeValidation.Check(recipe);
        var expected = Toy.Train(recipe, backend, Folder.Path);
        var cut = Folder["cut"];
        using var stop = new CancellationTokenSource();
        new Pretraining(Toy.Options(recipe, backend, cut) with
        {
            Cancellation = stop.Token,
            OnStep = (step, _, _, _, _) =>
            {
                if (step == 3)
                {
                    stop.Cancel();
                }
            },
        }).Run();
        Assert.That(Toy.Train(recipe, backend, cut, resume: true).Model, Is.EqualTo(expected.Model), "a run that was cut");

        using var model = MethodCatalog.LoadDenoiser(Folder.Path, backend);
        using var extractor = new FeatureExtractor(model.Encoder(model.Recipe.Probe), ownsEncoder: true);
        var features = extractor.Extract(Toy.Images(), [0, 1, 2], 1);
        Assert.That(features.Values, Has.All.Matches<float>(float.IsFinite).And.Some.Not.EqualTo(features.Values[0]));
        using var reconstruction = new Reconstruction(model, 0.5, 1);
        var image = reconstruction.Run(Toy.Images(), [4], 1).Single();
        Assert.That(image.PsnrProjected, Is.GreaterThan(image.PsnrNoised));
        using var sampler = new ImageSampler(model, SamplerKind.Ddim, 3, 2, 5);
        var samples = sampler.Run([0, 1]);
        Assert.That(samples.Select(s => s.Length), Is.EqualTo(new[] { 192, 192 }));
        Assert.That(samples[0], Is.Not.EqualTo(samples[1]));
    }

    [TestCase(Dit)]
    [TestCase(Latent + " tokenizer.kind=patchAe")]
    [TestCase(Latent + " tokenizer.kind=convVae tokenizer.dim=8 tokenizer.channels=8 tokenizer.blocks=1")]
    [TestCase("objective.output=pca")]
    [TestCase("tokenizer.kind=identity tokenizer.dim=0")]
    public void The_loss_of_a_system_falls(string settings)
    {
        using var backend = new CpuBackend(2);
        var losses = new List<double>();
        new Pretraining(Toy.Options(Toy.Recipe([.. settings.Split(' '), "train.steps=300", "train.batch=16", "train.checkpointEvery=0"]), backend, Folder.Path) with
        {
            OnStep = (_, _, result, _, _) => losses.Add(result.Loss),
        }).Run();
        Assert.That(losses.TakeLast(30).Average(), Is.LessThan(0.9 * losses.Take(10).Average()));
    }

    [Test]
    public void A_run_counts_the_classes_of_its_images_and_refuses_images_of_more()
    {
        using var backend = new CpuBackend(1);
        var classes = Toy.Images().ClassNames.Count;
        Toy.Train(Toy.Recipe(Dit.Split(' ')), backend, Folder.Path);
        Assert.That(TrainingCheckpoint.RecipeIn(Folder.Path).Conditioning.Classes, Is.EqualTo(classes));
        var fewer = Toy.Recipe([.. Dit.Split(' '), $"conditioning.classes={classes - 1}"]);
        var error = Assert.Throws<LdaeException>(() => Toy.Train(fewer, backend, Folder["fewer"]));
        Assert.That(error!.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain($"one of {classes - 1} classes"));
    }

    [Test]
    public void Labels_are_hidden_as_often_as_the_recipe_says_and_guide_the_network()
    {
        using var backend = new CpuBackend(1);
        var recipe = Toy.Recipe([.. Dit.Split(' '), "conditioning.classes=3", "conditioning.labelDropout=0.25", "network.gateInit=random"]);
        using var model = new LatentDenoiser(backend, recipe, PatchSample.Fit(recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1));
        const int images = 4000;
        using var levels = new LDaeCore.Model.Methods.LatentDenoising.NoiseLevels(backend, images, model.LabelColumns);
        model.DrawLabels(levels, [.. Enumerable.Range(0, images).Select(i => i % 3)], 7, 0);
        var told = LDaeCore.Engine.Tensors.TensorTransfer.ReadDoubles(levels.Labels!, backend);
        Assert.That(told.Sum(), Is.EqualTo(images), "one column each");
        var hidden = Enumerable.Range(0, images).Count(i => told[(i * 8) + 3] == 1);
        Assert.That(hidden, Is.EqualTo(1000).Within(140), "a quarter, within five standard errors");
        Assert.That(Enumerable.Range(0, images).All(i => told[(i * 8) + 3] == 1 || told[(i * 8) + (i % 3)] == 1));

        using var estimate = new LatentEstimate(model, 2);
        var z = Enumerable.Range(0, 2 * estimate.ImageLatents).Select(i => (double)(float)Math.Sin(i)).ToArray();
        Assert.That(estimate.Clean(z, 500, [0, 1]), Is.Not.EqualTo(estimate.Clean(z, 500, [null, null])));
    }
}
