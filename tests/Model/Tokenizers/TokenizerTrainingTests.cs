using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Tokenizers;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Recipes;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;
using TemporaryFolder = LDaeCore.Tests.Model.Data.TemporaryFolder;

namespace LDaeCore.Tests.Model.Tokenizers;

/// <summary>Tokenizers that are trained: how well, how they are saved, and how a training that was cut goes on.</summary>
public sealed class TokenizerTrainingTests
{
    private static readonly int[] All = [.. Enumerable.Range(0, 40)];
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void A_linear_autoencoder_comes_near_the_principal_components_which_no_other_beats()
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe("patchAe", "tokenizer.epochs=400", "tokenizer.lr=0.01");
        var trained = Train(recipe, backend, "ae").Tokenizer!;
        var best = PatchTokenizer.Of(PatchSample.Fit(recipe, Toy.Images(), All, 1), recipe.Tokenizer.Dim, LatentScaleKind.Global);
        var (error, least) = (Error(trained, recipe, backend), Error(best, recipe, backend));
        Assert.That(error, Is.InRange(least * (1 - 1e-6), least * 1.25));
    }

    [Test]
    public void A_heavier_divergence_keeps_less()
    {
        using var backend = new CpuBackend(2);
        var errors = new[] { "0.001", "0.1", "30" }.Select(weight =>
        {
            var recipe = Recipe("patchVae", "tokenizer.epochs=60", "tokenizer.lr=0.01", $"tokenizer.klWeight={weight}");
            return Error(Train(recipe, backend, weight).Tokenizer!, recipe, backend);
        }).ToArray();
        Assert.That(errors, Is.Ordered.Ascending);
        Assert.That(errors[2], Is.GreaterThan(3 * errors[0]));
    }

    [TestCase("patchAe")]
    [TestCase("patchVae")]
    public void A_training_that_was_cut_ends_with_the_same_numbers(string kind)
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe(kind);
        var whole = Train(recipe, backend, "whole").Tokenizer!;
        using var stop = new CancellationTokenSource();
        var cut = new TokenizerTraining(Options(recipe, backend, "cut") with { Cancellation = stop.Token, OnStep = (step, _, _, _, _) => Stop(stop, step) }, All).Run();
        Assert.That((cut.Tokenizer, cut.Steps), Is.EqualTo(((FittedTokenizer?)null, 4L)));
        var resumed = (PatchTokenizer)Train(recipe, backend, "cut").Tokenizer!;
        Assert.That(resumed.Encoder, Is.EqualTo(((PatchTokenizer)whole).Encoder));
        var error = Assignments.Refusal(() => Train(Recipe(kind, "tokenizer.lr=0.1"), backend, "cut"));
        Assert.That(error.Message, Does.Contain("tokenizer.lr"));
    }

    [TestCase(LatentScaleKind.Global)]
    [TestCase(LatentScaleKind.Whiten)]
    public void Latents_have_mean_zero_and_unit_variance_and_a_file_gives_them_back(LatentScaleKind scale)
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe("patchVae", $"tokenizer.scale={scale}");
        var tokenizer = (PatchTokenizer)Train(recipe, backend, "run").Tokenizer!;
        var (read, saved) = FittedTokenizer.Load(Path.Combine(_folder.Path, "run"));
        Assert.That(saved.Tokenizer, Is.EqualTo(recipe.Tokenizer));
        Assert.That(((PatchTokenizer)read).Encoder, Is.EqualTo(tokenizer.Encoder));
        Assert.That(((PatchTokenizer)read).Decoder, Is.EqualTo(tokenizer.Decoder));
        var latents = Latents((PatchTokenizer)read, recipe);
        var dim = tokenizer.Dim;
        var variances = Enumerable.Range(0, dim).Select(k => latents.Average(z => z[k] * z[k])).ToArray();
        Assert.That(Enumerable.Range(0, dim).Select(k => latents.Average(z => z[k])), Is.All.EqualTo(0).Within(1e-5));
        Assert.That(variances.Average(), Is.EqualTo(1).Within(1e-4));
        if (scale == LatentScaleKind.Whiten)
        {
            Assert.That(variances, Is.All.EqualTo(1).Within(1e-4));
        }
    }

    private static void Stop(CancellationTokenSource stop, long step)
    {
        if (step == 4)
        {
            stop.Cancel();
        }
    }

    private static Recipe Recipe(string kind, params string[] more) =>
        Toy.Recipe([$"tokenizer.kind={kind}", "objective.input=latent", "objective.output=latent", "tokenizer.epochs=4", "tokenizer.batch=10", .. more]);

    private static double Error(FittedTokenizer tokenizer, Recipe recipe, CpuBackend backend) => new TokenizerReconstruction(backend, tokenizer, recipe)
        .Run(Toy.Images(), All, 1).Average(p => p.Original.Zip(p.Reconstructed, (a, b) => ((double)a - b) * (a - b)).Average());

    /// <summary>z = V (p - mean) / s of all patches, in plain loops.</summary>
    private static List<double[]> Latents(PatchTokenizer tokenizer, Recipe recipe)
    {
        var (size, side) = (recipe.Tokenizer.PatchValues, recipe.Data.ImageSize);
        var latents = new List<double[]>();
        foreach (var batch in CenterBatches.Read(Toy.Images(), All, side))
        {
            for (var i = 0; i < batch.Count; i++)
            {
                foreach (var patch in PatchPixels.ExtractAll(batch.Image(i), side, recipe.Tokenizer.Patch, PixelRange.Symmetric).Chunk(size))
                {
                    latents.Add([.. Enumerable.Range(0, tokenizer.Dim).Select(k => patch.Select((p, at) => tokenizer.Encoder[(k * size) + at] * (p - tokenizer.Mean[at])).Sum() / tokenizer.Std[k])]);
                }
            }
        }

        return latents;
    }

    private PretrainingOptions Options(Recipe recipe, CpuBackend backend, string name)
    {
        var folder = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(folder);
        return Toy.Options(recipe, backend, folder);
    }

    private TokenizerResult Train(Recipe recipe, CpuBackend backend, string name) => new TokenizerTraining(Options(recipe, backend, name), All).Run();
}
