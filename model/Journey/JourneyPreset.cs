using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Journey;

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
