using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// The encoder of a denoiser as a plain ViT. Once the noise level is fixed and no class is told, the conditioning is a constant (paper,
/// appendix A): a normalisation's shift and scale become its bias and weight, xhat (1 + scale) + shift, and a gate multiplies the rows of
/// the layer it follows, gate (W x + b) = (gate W) x + gate b. Positions are written out, and reading the image through its kept
/// components only (<c>--input pca</c>), an affine map of patches, goes into the patch embedding.
/// </summary>
public static class VitFolding
{
    /// <summary>Folds the conditioning at a noise level into the encoder.</summary>
    /// <param name="model">The denoiser.</param>
    /// <param name="probe">How many blocks, which level, and which input: original or pca.</param>
    /// <returns>A ViT without class token whose mean token is what the probe reads.</returns>
    public static VitWeights Fold(LatentDenoiser model, ProbeRecipe probe)
    {
        if (probe.Input == ProbeInput.Noised)
        {
            throw new ArgumentException("An encoder that draws noise is no plain ViT.", nameof(probe));
        }

        var recipe = model.Recipe;
        RefuseOthers(model, probe);
        var configuration = new VitConfiguration
        {
            ImageSize = recipe.Data.ImageSize,
            Patch = recipe.Tokenizer.Patch,
            Width = recipe.Network.Width,
            Depth = probe.Block > 0 ? probe.Block : recipe.Network.EncoderDepth,
            Heads = recipe.Network.Heads,
            MlpRatio = recipe.Network.MlpRatio,
            Activation = recipe.Network.Activation,
            Range = PixelRange.Of(recipe.Data.Range),
        };
        var values = new Dictionary<string, float[]>(StringComparer.Ordinal)
        {
            ["pos_embed"] = Rounded(SinCosPositions.Table(configuration.Grid, configuration.Width)),
        };
        double[] weight = Read(model, "patch_embed.weight"), bias = Read(model, "patch_embed.bias");
        if (probe.Input == ProbeInput.Pca)
        {
            (weight, bias) = ThroughComponents(model, weight, bias);
        }

        values["patch_embed.proj.weight"] = VitWeights.ChannelsFirst(Rounded(weight), configuration);
        values["patch_embed.proj.bias"] = Rounded(bias);
        var condition = recipe.Conditioning.Time || recipe.Conditioning.Class ? Condition(model, probe.Time) : null;
        for (var i = 0; i < configuration.Depth; i++)
        {
            FoldBlock(model, $"blocks.{i}", condition, values);
        }

        return new VitWeights(configuration, values);
    }

    /// <summary>A plain ViT sees pixels: other steps of the journey have encoders that it cannot stand for.</summary>
    private static void RefuseOthers(LatentDenoiser model, ProbeRecipe probe)
    {
        var recipe = model.Recipe;
        var reason = recipe.Objective.Input != InputSpace.Pixels ? "its encoder sees latents (objective.input = latent), a plain ViT pixels"
            : probe.Input == ProbeInput.Pca && model.Pca is null
            ? $"--input pca needs principal components, and tokenizer.kind = {RecipeFields.Get("tokenizer.kind").Get(recipe)} has none"
            : null;
        if (reason is not null)
        {
            throw new LdaeException(ErrorKind.Configuration, $"This run cannot be exported: {reason}.", "Export a run whose network sees pixels, such as the l-DAE's.");
        }
    }

    private static void FoldBlock(LatentDenoiser model, string block, double[]? condition, Dictionary<string, float[]> values)
    {
        foreach (var layer in (string[])["attn.qkv", "mlp.fc1"])
        {
            Keep($"{block}.{layer}.weight");
            Keep($"{block}.{layer}.bias");
        }

        if (condition is null)
        {
            foreach (var layer in (string[])["norm1", "norm2", "attn.proj", "mlp.fc2"])
            {
                Keep($"{block}.{layer}.weight");
                Keep($"{block}.{layer}.bias");
            }

            return;
        }

        // Six rows: shift, scale and gate of the attention, then of the MLP.
        var width = model.Recipe.Network.Width;
        var table = Linear(model, $"{block}.adaln", condition).Chunk(width).ToArray();
        foreach (var (half, norm, layer) in new[] { (0, "norm1", "attn.proj"), (3, "norm2", "mlp.fc2") })
        {
            var (shift, scale, gate) = (table[half], table[half + 1], table[half + 2]);
            values[$"{block}.{norm}.weight"] = Rounded([.. scale.Select(s => 1 + s)]);
            values[$"{block}.{norm}.bias"] = Rounded(shift);
            double[] weight = Read(model, $"{block}.{layer}.weight"), bias = Read(model, $"{block}.{layer}.bias");
            var columns = weight.Length / width;
            values[$"{block}.{layer}.weight"] = Rounded([.. weight.Select((w, i) => w * gate[i / columns])]);
            values[$"{block}.{layer}.bias"] = Rounded([.. bias.Select((b, i) => b * gate[i])]);
        }

        void Keep(string name) => values[name] = Rounded(Read(model, name));
    }

    /// <summary>The vector that the blocks are conditioned on at a fixed level; of the class it tells what a probe tells, that there is none.</summary>
    private static double[] Condition(LatentDenoiser model, int time)
    {
        var told = model.Recipe.Conditioning.Time ? Time(model, time) : new double[model.Network.Shape.TimeWidth];
        if (model.Recipe.Conditioning.Class)
        {
            var table = Read(model, "label.table");
            for (var i = 0; i < told.Length; i++)
            {
                told[i] += table[(i * model.LabelColumns) + model.Recipe.Conditioning.Classes];
            }
        }

        return Silu(told);
    }

    /// <summary>The embedding of a level.</summary>
    private static double[] Time(LatentDenoiser model, int time)
    {
        const int half = TimeConditioning.SinusoidWidth / 2;
        var sinusoids = new double[2 * half];
        for (var i = 0; i < half; i++)
        {
            var (sin, cos) = Math.SinCos(time * Math.Pow(10000, -(double)i / half));
            (sinusoids[i], sinusoids[half + i]) = (cos, sin);
        }

        return Linear(model, "time.2", Silu(Linear(model, "time.0", sinusoids)));
    }

    /// <summary>W (mean + V^T V (p - mean)) + b = (W V^T V) p + b + (W - W V^T V) mean, V being the kept components.</summary>
    private static (double[] Weight, double[] Bias) ThroughComponents(LatentDenoiser model, double[] weight, double[] bias)
    {
        var mean = model.Pca!.Mean;
        var kept = model.Pca.Kept(model.Recipe.Tokenizer.Dim);
        var (size, components) = (mean.Length, kept.Length / mean.Length);
        var (projected, shifted) = (new double[weight.Length], (double[])bias.Clone());
        for (var row = 0; row < bias.Length; row++)
        {
            var to = projected.AsSpan(row * size, size);
            for (var k = 0; k < components; k++)
            {
                var dot = 0.0;
                for (var i = 0; i < size; i++)
                {
                    dot += weight[(row * size) + i] * kept[(k * size) + i];
                }

                for (var i = 0; i < size; i++)
                {
                    to[i] += dot * kept[(k * size) + i];
                }
            }

            for (var i = 0; i < size; i++)
            {
                shifted[row] += (weight[(row * size) + i] - to[i]) * mean[i];
            }
        }

        return (projected, shifted);
    }

    private static double[] Linear(LatentDenoiser model, string layer, double[] x)
    {
        double[] weight = Read(model, $"{layer}.weight"), y = Read(model, $"{layer}.bias");
        for (var row = 0; row < y.Length; row++)
        {
            for (var i = 0; i < x.Length; i++)
            {
                y[row] += weight[(row * x.Length) + i] * x[i];
            }
        }

        return y;
    }

    private static double[] Silu(double[] x) => Array.ConvertAll(x, v => v / (1 + Math.Exp(-v)));

    private static double[] Read(LatentDenoiser model, string name) => model.Parameters[name].Value.ReadDoubles(model.Backend);

    private static float[] Rounded(double[] values) => Array.ConvertAll(values, v => (float)v);
}
