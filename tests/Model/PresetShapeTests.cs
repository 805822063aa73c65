using System.Diagnostics;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Engine.Backends;
using LDaeCore.Tests.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Model;

/// <summary>The ops at the shapes the presets give them, where blocking and tiling have more than one tile to get wrong: cpu against the reference.</summary>
[Category("Long")]
public sealed class PresetShapeTests
{
    private static readonly (string Preset, int Batch)[] Shapes = [("cifar-tiny", 8), ("cifar-small", 3), ("vit-b", 1)];

    private static IEnumerable<TestCaseData> Cases() => Shapes.SelectMany(shape =>
        Of(Presets.Get(shape.Preset).Resolve(), shape.Batch).Select(c => new TestCaseData(c).SetArgDisplayNames(shape.Preset, c.ToString())));

    [TestCaseSource(nameof(Cases))]
    public void Results_and_gradients_agree_with_the_reference(OpCase opCase)
    {
        var clock = Stopwatch.StartNew();
        var values = CaseRun.Draw(opCase, 21);
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(2);
        var expected = CpuBackendTests.Everything(opCase, reference, values);
        var actual = CpuBackendTests.Everything(opCase, cpu, values);
        var tolerance = 1e-5 * Math.Max(1, Math.Sqrt(opCase.SumLength / 64.0));
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(tolerance), $"tensor {i}");
        }

        TestContext.Out.WriteLine($"{opCase}: {clock.Elapsed.TotalSeconds:F1} s");
    }

    /// <summary>One of each op that a training step or a probe of the recipe runs.</summary>
    private static IEnumerable<OpCase> Of(Recipe recipe, int batch)
    {
        int width = recipe.Network.Width, heads = recipe.Network.Heads, time = width / 4, hidden = recipe.Network.MlpRatio * width;
        int side = recipe.Data.ImageSize, patch = recipe.Tokenizer.Patch, pixels = recipe.Tokenizer.PatchValues, kept = recipe.Tokenizer.Dim;
        int tokens = side / patch * (side / patch), rows = batch * tokens;
        return
        [
            Patchify.Case(batch, side, side, patch), LatentNoise.Case(batch, tokens, pixels, kept, 0), PatchEmbed.Case(batch, tokens, pixels, width),
            TimestepEmbedding.Case(batch, TimeConditioning.SinusoidWidth), Silu.Case(batch, time),
            Linear.Case(batch, time, TimeConditioning.SinusoidWidth), Linear.Case(batch, 6 * width, time),
            Normalization.Modulated(batch, tokens, width), Linear.Case(rows, 3 * width, width), Attention.Case(batch, tokens, heads, width / heads),
            Linear.Case(rows, width, width), Linear.Case(rows, hidden, width, gelu: true), Linear.Case(rows, width, hidden),
            Linear.Case(rows, pixels, width), PcaLoss.Case(batch, tokens, pixels, kept), MeanPool.Case(batch, tokens, width),
            BatchNormalization.Case(256, width), SoftmaxCrossEntropy.Case(256, 1000),
            OptimizerSteps.AdamW(12 * width * width, 1000, true), OptimizerSteps.Ema(12 * width * width), OptimizerSteps.Norm(12 * width * width, 1),
        ];
    }
}
