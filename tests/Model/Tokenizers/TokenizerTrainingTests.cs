using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Recipes;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Tokenizers;

/// <summary>Tokenizers that are trained: how well, how they are saved, and how a training that was cut goes on.</summary>
public sealed class TokenizerTrainingTests : FolderPerTest
{
    private static readonly int[] All = [.. Enumerable.Range(0, 40)];
    private static readonly string[] Convolutional = ["tokenizer.dim=8", "tokenizer.channels=4", "tokenizer.blocks=1"];

    [Test]
    public void A_linear_autoencoder_comes_near_the_principal_components_which_no_other_beats()
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe("patchAe", "tokenizer.trainEpochs=400", "tokenizer.trainLr=0.01");
        var trained = Train(recipe, backend, "ae").Tokenizer!;
        var best = PatchTokenizer.Of(PatchSample.Fit(recipe, Toy.Images(), All, 1), recipe.Tokenizer.Dim, LatentScaleKind.Global);
        var (error, least) = (Error(trained, recipe, backend), Error(best, recipe, backend));
        Assert.That(error, Is.InRange(least * (1 - 1e-6), least * 1.25));
    }

    [Test]
    public void A_heavier_divergence_keeps_less()
    {
        using var backend = new CpuBackend(2);
        var errors = new[] { "0.1", "3", "30" }.Select(weight =>
        {
            var recipe = Recipe("patchVae", "tokenizer.trainEpochs=60", "tokenizer.trainLr=0.01", $"tokenizer.klWeight={weight}");
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
        var cut = new AutoencoderTraining(Options(recipe, backend, "cut") with { Cancellation = stop.Token, OnStep = (step, _, _, _, _) => Stop(stop, step) }).Run();
        Assert.That((cut.Tokenizer, cut.Steps), Is.EqualTo(((FittedTokenizer?)null, 4L)));
        var resumed = (PatchTokenizer)Train(recipe, backend, "cut").Tokenizer!;
        Assert.That(resumed.Encoder, Is.EqualTo(((PatchTokenizer)whole).Encoder));
        var error = Assignments.Refusal(() => Train(Recipe(kind, "tokenizer.trainLr=0.1"), backend, "cut"));
        Assert.That(error.Message, Does.Contain("tokenizer.trainLr"));
    }

    [TestCase(LatentScaleKind.Global)]
    [TestCase(LatentScaleKind.Whiten)]
    public void Latents_have_mean_zero_and_unit_variance_and_a_file_gives_them_back(LatentScaleKind scale)
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe("patchVae", $"tokenizer.scale={scale}");
        var tokenizer = (PatchTokenizer)Train(recipe, backend, "run").Tokenizer!;
        var (read, saved) = FittedTokenizer.Load(Folder["run"]);
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

    [Test]
    public void A_convolutional_tokenizer_that_was_cut_ends_with_the_same_numbers_and_a_file_gives_them_back()
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe("convVae", Convolutional);
        var whole = Train(recipe, backend, "whole").Tokenizer!;
        using var stop = new CancellationTokenSource();
        var cut = new AutoencoderTraining(Options(recipe, backend, "cut") with { Cancellation = stop.Token, OnStep = (step, _, _, _, _) => Stop(stop, step) }).Run();
        Assert.That((cut.Tokenizer, cut.Steps), Is.EqualTo(((FittedTokenizer?)null, 4L)));
        Train(recipe, backend, "cut");
        var (read, saved) = FittedTokenizer.Load(Folder["cut"]);
        Assert.That(saved.Tokenizer, Is.EqualTo(recipe.Tokenizer));
        Assert.That(Tokens((ConvolutionalTokenizer)read, recipe, backend), Is.EqualTo(Tokens((ConvolutionalTokenizer)whole, recipe, backend)));
        var error = Assignments.Refusal(() => Train(Recipe("convVae", [.. Convolutional, "tokenizer.channels=8"]), backend, "cut"));
        Assert.That(error.Message, Does.Contain("tokenizer.channels"));
    }

    [TestCase(LatentScaleKind.Global)]
    [TestCase(LatentScaleKind.Whiten)]
    public void Latents_of_a_convolutional_tokenizer_have_mean_zero_and_unit_variance(LatentScaleKind scale)
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe("convVae", [.. Convolutional, $"tokenizer.scale={scale}"]);
        var tokenizer = (ConvolutionalTokenizer)Train(recipe, backend, "run").Tokenizer!;
        var dim = tokenizer.Dim;
        var latents = Tokens(tokenizer, recipe, backend).Chunk(dim)
            .Select(code => code.Select((c, k) => (c - tokenizer.Mean[k]) / tokenizer.Std[k]).ToArray()).ToArray();
        Assert.That(Enumerable.Range(0, dim).Select(k => latents.Average(z => z[k])), Is.All.EqualTo(0).Within(1e-4));
        var variances = Enumerable.Range(0, dim).Select(k => latents.Average(z => z[k] * z[k])).ToArray();
        Assert.That(variances.Average(), Is.EqualTo(1).Within(1e-3));
        if (scale == LatentScaleKind.Whiten)
        {
            Assert.That(variances, Is.All.EqualTo(1).Within(1e-3));
        }
    }

    [Test]
    public void A_convolutional_tokenizer_learns_to_give_images_back()
    {
        using var backend = new CpuBackend(2);
        var errors = new[] { "4", "200" }.Select(epochs =>
        {
            var recipe = Recipe("convVae", [.. Convolutional, "tokenizer.channels=16", "tokenizer.klWeight=0.0001", $"tokenizer.trainEpochs={epochs}"]);
            return Error(Train(recipe, backend, epochs).Tokenizer!, recipe, backend);
        }).ToArray();
        Assert.That(errors[1], Is.LessThan(0.2 * errors[0]));
    }

    [Test]
    public void A_convolutional_tokenizer_whose_numbers_do_not_fit_its_recipe_is_refused()
    {
        using var backend = new CpuBackend(2);
        var recipe = Recipe("convVae", Convolutional);
        var tokenizer = Train(recipe, backend, "run").Tokenizer!;
        var path = Folder["other.safetensors"];
        tokenizer.Save(path, recipe with { Tokenizer = recipe.Tokenizer with { Channels = 8 } });
        var error = Assert.Throws<LdaeException>(() => FittedTokenizer.Load(path))!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain("encoder.first.weight"));
    }

    /// <summary>Tokens of all images, one after the other.</summary>
    private static float[] Tokens(ConvolutionalTokenizer tokenizer, Recipe recipe, CpuBackend backend)
    {
        using var range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        range.Tensor.Write(backend, PixelRange.Symmetric.ToArray());
        using var placed = tokenizer.Place(backend, range.Tensor);
        using var arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        using var images = new PersistentTensor(backend, new Shape(All.Length, recipe.Data.ImageSize, recipe.Data.ImageSize, 3), DType.U8);
        backend.Upload(CenterBatches.Read(Toy.Images(), All, recipe.Data.ImageSize).Single().Filled, images.Tensor);
        return placed.Tokens(new Tape(backend, arena), images.Tensor).ReadFloats(backend);
    }

    private static void Stop(CancellationTokenSource stop, long step)
    {
        if (step == 4)
        {
            stop.Cancel();
        }
    }

    private static Recipe Recipe(string kind, params string[] more) =>
        Toy.Recipe([$"tokenizer.kind={kind}", "objective.input=latent", "objective.output=latent", "tokenizer.trainEpochs=4", "tokenizer.trainBatch=10", .. more]);

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
                    latents.Add(
                        [
                            .. Enumerable.Range(0, tokenizer.Dim)
                            .Select(k => patch.Select((p, at) => tokenizer.Encoder![(k * size) + at] * (p - tokenizer.Mean[at])).Sum() / tokenizer.Std[k])]);
                }
            }
        }

        return latents;
    }

    private RunOptions Options(Recipe recipe, CpuBackend backend, string name)
    {
        var folder = Folder[name];
        Directory.CreateDirectory(folder);
        return Toy.Options(recipe, backend, folder);
    }

    private TokenizerResult Train(Recipe recipe, CpuBackend backend, string name) => new AutoencoderTraining(Options(recipe, backend, name)).Run();
}
