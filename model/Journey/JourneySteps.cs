using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Journey;

/// <summary>
/// The steps from DiT to l-DAE in the paper's order (its table 1, table 2, figure 5, table 3 and section 4.3), each a <c>with</c> on the recipe of the
/// step before. A side road says which step it leaves from.
/// </summary>
public static class JourneySteps
{
    private const string OtherTokenizer = "on the latents of a VQGAN, which is not here yet; ours are principal components until it is";

    /// <summary>The steps in order.</summary>
    public static IReadOnlyList<JourneyStep> All { get; } =
    [
        new(1, "dit", "DiT: class and time, linear beta, predicts the noise of latents", 57.5,
            ["tokenizer.dim", "noise.schedule", "noise.sigma", "objective.target", "objective.input", "objective.output", "conditioning.class"], DiT)
            { Note = OtherTokenizer },

        new(2, "no-class", "no class conditioning", 62.5, ["conditioning.class"],
            (r, _) => r with { Conditioning = r.Conditioning with { Class = false } }) { Note = OtherTokenizer },

        new(3, "conv-vae", "convolutional VAE: no perceptual, no adversarial loss", 59.0, ["tokenizer.kind"],
            (r, _) => r with { Tokenizer = r.Tokenizer with { Kind = TokenizerKind.ConvVae } }),

        new(4, "linear-gamma", "gamma squared linear in t", 63.4, ["noise.schedule"],
            (r, _) => r with { Noise = r.Noise with { Schedule = NoiseScheduleKind.LinearGammaSquared } }),

        new(5, "patch-vae", "patch-wise VAE", 64.9, ["tokenizer.kind"],
            (r, _) => r with { Tokenizer = r.Tokenizer with { Kind = TokenizerKind.PatchVae } }),

        new(5, "patch-ae", "patch-wise AE", 64.7, ["tokenizer.kind"],
            (r, _) => r with { Tokenizer = r.Tokenizer with { Kind = TokenizerKind.PatchAe } }),

        new(5, "patch-pca", "patch-wise PCA", 65.1, ["tokenizer.kind", "tokenizer.dim"],
            (r, p) => r with { Tokenizer = r.Tokenizer with { Kind = TokenizerKind.Pca, Dim = p.PcaDim } }),

        new(6, "resized-pixels", "pixels of resized images as latents", 58.5, ["data.imageSize", "tokenizer.kind", "tokenizer.patch", "tokenizer.dim"],
            (r, p) => Pixels(Resized(r, p.Halvings))) { Note = "the best size of figure 5" },

        new(7, "predict-clean", "predicts the clean latents", 62.4, ["objective.target"],
            (r, _) => r with { Objective = r.Objective with { Target = PredictionTarget.Clean } }) { From = "patch-pca" },

        new(7, "no-scaling", "gamma is 1: sigma linear in t", 63.6, ["noise.schedule", "noise.sigma"],
            (r, _) => r with { Noise = r.Noise with { Schedule = NoiseScheduleKind.LinearSigma } }),

        new(7, "pixel-input", "sees pixels, by inverse PCA", 63.6, ["objective.input"],
            (r, _) => r with { Objective = r.Objective with { Input = InputSpace.Pixels } }),

        new(7, "pixel-output", "predicts pixels of the kept components", 63.9, ["objective.output"],
            (r, _) => r with { Objective = r.Objective with { Output = OutputSpace.Pca } }),

        new(7, "l-dae", "predicts the original image: l-DAE", 64.5, ["objective.output"],
            (r, _) => r with { Objective = r.Objective with { Output = OutputSpace.Original } }),

        new(8, "single-level", "one level of noise", 61.5, ["noise.schedule", "noise.sigma"],
            (r, _) => r with { Noise = r.Noise with { Schedule = NoiseScheduleKind.Single } }),

        new(8, "random-crop", "random crops, mirrored", 65.0, ["data.crop", "data.flip"],
            (r, _) => r with { Data = r.Data with { Crop = CropKind.Random, Flip = true } }) { From = "l-dae" },

        new(9, "classical-dae", "noise on pixels: a classical DAE", 23.6, ["tokenizer.kind", "tokenizer.dim"],
            (r, _) => Pixels(r)) { From = "l-dae", Note = "whole-size pixels in figure 5; about 20 in the text" },
    ];

    /// <summary>The step of a name.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The step.</returns>
    /// <exception cref="LdaeException">Configuration: there is none; the remedy names the nearest.</exception>
    public static JourneyStep Get(string name) => All.FirstOrDefault(step => step.Name == name) ?? throw new LdaeException(
        ErrorKind.Configuration,
        $"The journey has no step '{name}'; its steps are {string.Join(", ", All.Select(step => step.Name))}.",
        $"Did you mean '{NearestName.Of(name, All.Select(step => step.Name))}'?");

    /// <summary>The step that another one changes.</summary>
    /// <param name="step">A step.</param>
    /// <returns>The step before it on its road; null for the first, which changes the preset itself.</returns>
    public static JourneyStep? Before(JourneyStep step)
    {
        var index = All.TakeWhile(other => other.Name != step.Name).Count();
        return step.From is { } from ? Get(from) : index == 0 ? null : All[index - 1];
    }

    /// <summary>The recipe after a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="preset">Sizes, and the recipe that the journey ends with.</param>
    /// <returns>The recipe, resolved but not validated.</returns>
    public static Recipe RecipeOf(JourneyStep step, JourneyPreset preset) =>
        Unresolved(step, preset).Resolve();

    /// <summary>The recipe on images half as large, again and again: the number of tokens stays.</summary>
    /// <param name="r">A recipe.</param>
    /// <param name="halvings">How often.</param>
    /// <returns>The recipe with other images and patches.</returns>
    internal static Recipe Resized(Recipe r, int halvings) => r with
    {
        Data = r.Data with { ImageSize = r.Data.ImageSize >> halvings },
        Tokenizer = r.Tokenizer with { Patch = r.Tokenizer.Patch >> halvings },
    };

    /// <summary>The recipe with pixels for latents: no tokenizer at all.</summary>
    /// <param name="r">A recipe.</param>
    /// <returns>The recipe with the identity for a tokenizer, which keeps all D values.</returns>
    internal static Recipe Pixels(Recipe r) => r with { Tokenizer = r.Tokenizer with { Kind = TokenizerKind.Identity, Dim = r.Tokenizer.PatchValues } };

    private static Recipe DiT(Recipe r, JourneyPreset p) => r with
    {
        Tokenizer = r.Tokenizer with { Kind = p.BaselineTokenizer, Dim = p.VaeDim },
        Noise = r.Noise with { Schedule = NoiseScheduleKind.LinearBeta },
        Objective = r.Objective with { Target = PredictionTarget.Noise, Input = InputSpace.Latent, Output = OutputSpace.Latent },
        Conditioning = r.Conditioning with { Class = true },
    };

    /// <summary>The recipe before its defaults are written out: the next step's schedule has a sigma of its own.</summary>
    private static Recipe Unresolved(JourneyStep step, JourneyPreset preset) =>
        step.With(Before(step) is { } before ? Unresolved(before, preset) : preset.Recipe, preset);
}

/// <summary>One step of the paper's way from DiT to l-DAE: a change of the recipe of an earlier step, and what the paper measured after it.</summary>
/// <param name="Number">The system it belongs to, 1 to 9; a system may have several steps.</param>
/// <param name="Name">Its name, also of its run folder.</param>
/// <param name="Title">What changes, in a few words.</param>
/// <param name="PaperTop1">The paper's linear probe on ImageNet after this step, percent.</param>
/// <param name="Fields">The fields of the resolved recipe that the change touches: these and no others.</param>
/// <param name="With">The change; what depends on the size of the images and patches comes from the preset.</param>
public sealed record JourneyStep(int Number, string Name, string Title, double PaperTop1, IReadOnlyList<string> Fields, Func<Recipe, JourneyPreset, Recipe> With)
{
    /// <summary>Name of the step whose recipe is changed, where that is not the one before in the list.</summary>
    public string? From { get; init; }

    /// <summary>Where the paper's number stands, or what sets it apart from ours; null where there is nothing to say.</summary>
    public string? Note { get; init; }
}
