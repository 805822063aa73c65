using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Journey;

/// <summary>
/// The sizes of the journey by name. The paper's d of 768 values is compared with d x patch / 16 of ours, which keeps about the same share
/// of the energy: 32 of 768 there are 16 of 192 and 8 of 48 here.
/// </summary>
public static class JourneyPresets
{
    private const int PaperPatch = 16;

    private static readonly JourneyPreset[] All =
    [
        new(
            "tiny", "drawn images of 16 px in a minute or two on two cores: does every step run, does its loss fall", Tiny(), PcaDim: 8, VaeDim: 4, Halvings: 1,
            [2, 4, 8, 16, 32, 48])
        {
            Data = "synthetic:600",
        },
        Small("cifar-tiny", halvings: 1, [2, 4, 8, 16, 32, 48]),
        Small("cifar-small", halvings: 1, [2, 4, 8, 16, 32, 48]) with { Name = "cifar" },
        Small("natural64", halvings: 1, [4, 8, 16, 32, 64]),
        Small("photos128", halvings: 2, [8, 16, 32, 64, 128]),
        Small("vit-half-l", halvings: 2, [8, 16, 32, 64, 128]) with { Name = "paper" },
    ];

    /// <summary>Every preset's name, smallest first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(preset => preset.Name)];

    /// <summary>A preset by its name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <returns>The preset.</returns>
    /// <exception cref="LdaeException">Configuration: there is no such preset.</exception>
    public static JourneyPreset Get(string name) => All.FirstOrDefault(preset => preset.Name == name) ?? throw new LdaeException(
        ErrorKind.Configuration,
        $"The journey has no preset '{name}'; it takes {string.Join(", ", Names)}.",
        $"Did you mean '{NearestName.Of(name, Names)}'?");

    /// <summary>The number of 768 that the paper has where we have d.</summary>
    /// <param name="dim">Latents per token, d.</param>
    /// <param name="patch">Side of our patches.</param>
    /// <returns>The paper's d.</returns>
    internal static int PaperDim(int dim, int patch) => dim * PaperPatch / patch;

    /// <summary>The journey to a preset of <see cref="Presets"/>, on centre crops as in the paper.</summary>
    private static JourneyPreset Small(string name, int halvings, IReadOnlyList<int> dims)
    {
        var recipe = Presets.Get(name);
        var (pca, vae) = (32 * recipe.Tokenizer.Patch / PaperPatch, 16 * recipe.Tokenizer.Patch / PaperPatch);
        return new JourneyPreset(
            name,
            Presets.Describe(name),
            recipe with { Data = recipe.Data with { Crop = CropKind.Center, Flip = false }, Tokenizer = recipe.Tokenizer with { Dim = pca } },
            pca,
            vae,
            halvings,
            dims);
    }

    private static Recipe Tiny() => new()
    {
        Data = new DataRecipe { ImageSize = 16, Crop = CropKind.Center, Flip = false },
        Tokenizer = new TokenizerRecipe { Patch = 4, Dim = 8, Channels = 8, Blocks = 1 },
        Network = new NetworkRecipe { Width = 48, Depth = 4, EncoderDepth = 2, Heads = 3 },
        Train = new TrainRecipe { Epochs = 5, Batch = 16, Lr = 4e-3, Beta2 = 0.95, Clip = 1, LogEvery = 5, CheckpointEvery = 100 },
    };
}

/// <summary>The size at which the journey is made.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it is, in one line.</param>
/// <param name="Recipe">The recipe of its l-DAE, with centre crops.</param>
/// <param name="PcaDim">Latents per token of the principal components, at the end.</param>
/// <param name="VaeDim">Latents per token of the other tokenizers; a multiple of 4, four latent pixels making a token.</param>
/// <param name="Halvings">How often the images of the step on resized pixels are halved.</param>
/// <param name="Dims">Latents per token that the sweeps try.</param>
public sealed record JourneyPreset(string Name, string Description, Recipe Recipe, int PcaDim, int VaeDim, int Halvings, IReadOnlyList<int> Dims)
{
    /// <summary>The images that belong to it, where no others are named; null for none.</summary>
    public string? Data { get; init; }

    /// <summary>The tokenizer of the DiT.</summary>
    public TokenizerKind BaselineTokenizer { get; init; }

    /// <summary>The preset for runs of another length.</summary>
    /// <param name="epochs">Passes over the training images.</param>
    /// <returns>The preset; steps and minutes no longer count.</returns>
    public JourneyPreset WithEpochs(double epochs) =>
        this with { Recipe = Recipe with { Train = Recipe.Train with { Epochs = epochs, Steps = null, Minutes = null } } };
}
