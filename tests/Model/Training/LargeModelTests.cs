using System.Diagnostics;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>The paper's networks take a real step on a processor.</summary>
[Category("Long")]
public sealed class LargeModelTests
{
    [TestCase("vit-b")]
    [TestCase("vit-half-l")]
    public void A_paper_preset_runs_one_step_at_batch_1(string preset)
    {
        var clock = Stopwatch.StartNew();
        var recipe = RecipeFields.Apply(Presets.Get(preset), ["train.batch=1", "train.accumulate=1", "tokenizer.samplePatches=2000"]).Resolve();
        var source = new SyntheticSource(8, recipe.Data.ImageSize, 0, true);
        using var backend = new CpuBackend();
        using var model = new LatentDenoiser(backend, recipe, PatchSample.Fit(recipe, source, [.. Enumerable.Range(0, 8)], 2));
        using var trainer = new Trainer(model, MethodCatalog.Plan(recipe, DType.F32, DType.F32));
        var result = FixedImages.Step(trainer, source.Decode(0).Pixels, 1e-4);
        Assert.That(result.Loss, Is.GreaterThan(0).And.LessThan(10));
        Assert.That(result.GradientNorm, Is.GreaterThan(0));
        TestContext.Out.WriteLine($"{preset}: loss {result.Loss:F3} ({clock.Elapsed.TotalSeconds:F1} s)");
    }
}
