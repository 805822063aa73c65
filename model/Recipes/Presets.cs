using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Recipes;

/// <summary>
/// Recipes by name. The small ones are ours; the vit ones have the paper's training numbers (its appendix A).
/// </summary>
public static class Presets
{
    private static readonly (string Name, string Description, Recipe Recipe)[] All =
    [
        ("demo", "about two minutes on two cores with its probe: 32 px, patches of 4, width 128, 3+3 blocks", Demo()),
        ("cifar-tiny", "32 px, patches of 4, width 192, 6+6 blocks: too small patches to show that noise on pixels harms", Cifar(width: 192, heads: 3, lr: 5e-3)),
        ("cifar-small", "32 px, patches of 4, width 384, 6+6 blocks", Cifar(width: 384, heads: 6, lr: 6.25e-4)),
        ("natural64", "64 px, patches of 8, width 384, 6+6 blocks: shows in part that noise on pixels harms", Natural64()),
        ("photos128", "128 px, patches of 16 (768 values) as in the paper, width 128, 4+4 blocks: the smallest size that shows what noise on latents is for", Photos128()),
        ("supervised-demo", "the demo's encoder trained on labels: a plain ViT of 3 blocks, cross-entropy", Supervised(Demo(), lr: 1e-3)),
        ("supervised-cifar-tiny", "cifar-tiny's encoder trained on labels: a plain ViT of 6 blocks, cross-entropy", Supervised(Cifar(width: 192, heads: 3, lr: 5e-3), lr: 5e-4)),
        ("vit-b", "the paper's ViT-B: 256 px, patches of 16, width 768, 12+12 blocks", Paper(width: 768, depth: 24, heads: 12)),
        ("vit-half-l", "the paper's ViT-1/2L: 256 px, patches of 16, width 1024, 12+12 blocks", Paper(width: 1024, depth: 24, heads: 16)),
        ("vit-l", "the paper's ViT-L: 256 px, patches of 16, width 1024, 24+24 blocks", Paper(width: 1024, depth: 48, heads: 16)),
    ];

    /// <summary>
    /// How the small presets train (docs/decisions/0006): in minutes, what counts is the number of steps, since adaLN-Zero's gates
    /// start closed and open by about a learning rate a step.
    /// </summary>
    private static TrainRecipe Small => new() { Batch = 8, Lr = 5e-3, Beta2 = 0.95, Clip = 1, LogEvery = 50, CheckpointEvery = 2000 };

    /// <summary>Every preset's name, smallest first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(preset => preset.Name)];

    /// <summary>A preset by its name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <returns>The recipe, its dependent defaults not yet resolved.</returns>
    /// <exception cref="LdaeException">Configuration: there is no such preset.</exception>
    public static Recipe Get(string name) => Find(name).Recipe;

    /// <summary>What a preset is, in one line.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <returns>The line.</returns>
    /// <exception cref="LdaeException">Configuration: there is no such preset.</exception>
    public static string Describe(string name) => Find(name).Description;

    private static (string Name, string Description, Recipe Recipe) Find(string name)
    {
        var found = Array.FindIndex(All, preset => preset.Name == name);
        return found >= 0
            ? All[found]
            : throw new LdaeException(
                ErrorKind.Configuration,
                $"There is no preset '{name}'; the presets are {string.Join(", ", Names)}.",
                $"Did you mean '{NearestName.Of(name, Names)}'?");
    }

    /// <summary>
    /// Drawn shapes are flat: nearly all of their patches' energy is brightness and colour, which one number for all latents leaves almost
    /// without noise. So the demo scales each latent by itself.
    /// </summary>
    private static Recipe Demo() => new()
    {
        Data = new DataRecipe { Crop = CropKind.Center, Flip = false },
        Tokenizer = new TokenizerRecipe { Patch = 4, Dim = 8, Scale = LatentScaleKind.Whiten },
        Network = new NetworkRecipe { Width = 128, Depth = 6, EncoderDepth = 3, Heads = 4 },
        Train = Small with { Epochs = 3, Lr = 8e-3, CheckpointEvery = 0 },
    };

    private static Recipe Cifar(int width, int heads, double lr) => new()
    {
        Data = new DataRecipe { Crop = CropKind.Center, Flip = false },
        Tokenizer = new TokenizerRecipe { Patch = 4, Dim = 8 },
        Network = new NetworkRecipe { Width = width, Depth = 12, EncoderDepth = 6, Heads = heads },
        Train = Small with { Lr = lr },
    };

    /// <summary>A recipe's encoder trained on labels, with the crops and mirrored images that keep it from learning the training set by heart.</summary>
    private static Recipe Supervised(Recipe encoder, double lr) => encoder with
    {
        Method = new MethodRecipe { Kind = MethodKind.Supervised },
        Data = encoder.Data with { Crop = CropKind.Random, CropMinScale = 0.35, Flip = true },
        Train = encoder.Train with { Batch = 16, Lr = lr, WeightDecay = 0.05, Epochs = 10 },
    };

    private static Recipe Natural64() => new()
    {
        Data = new DataRecipe { ImageSize = 64, Crop = CropKind.Center, Flip = false },
        Tokenizer = new TokenizerRecipe { Patch = 8 },
        Network = new NetworkRecipe { Width = 384, Depth = 12, EncoderDepth = 6, Heads = 6 },
        Train = Small with { Lr = 1.25e-3 },
    };

    /// <summary>
    /// The paper's patches of 768 values: only there does it matter whether noise is added to principal components or to pixels (its figure 5: at 48
    /// values a patch a pixel denoiser probes at 58.5 %, at 768 at 23.6 %).
    /// </summary>
    private static Recipe Photos128() => new()
    {
        Data = new DataRecipe { ImageSize = 128, Crop = CropKind.Center, Flip = false },
        Tokenizer = new TokenizerRecipe { Patch = 16, Dim = 32 },
        Network = new NetworkRecipe { Width = 128, Depth = 8, EncoderDepth = 4, Heads = 4 },
        Train = Small with { Batch = 16, Lr = 4e-3, Epochs = 8, CheckpointEvery = 500 },
    };

    /// <summary>Batch 2048 at 1e-4 per 256 images, 400 epochs of which 100 warm up, no weight decay, no clip, EMA kept.</summary>
    private static Recipe Paper(int width, int depth, int heads)
    {
        const int batch = 2048;
        return new Recipe
        {
            Data = new DataRecipe { ImageSize = 256 },
            Tokenizer = new TokenizerRecipe { Patch = 16, Dim = 32, Channels = 128 },
            Network = new NetworkRecipe { Width = width, Depth = depth, EncoderDepth = depth / 2, Heads = heads },
            Train = new TrainRecipe { Batch = batch, Accumulate = 8, Lr = 1e-4 * batch / 256, Epochs = 400, Warmup = 0.25, Ema = 0.9999, LogEvery = 50 },
        };
    }
}
