using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>Where a command's recipe comes from: a preset or a file, then assignments.</summary>
/// <param name="Preset">What <c>--preset</c> says, or null.</param>
/// <param name="Config">What <c>--config</c> says, or null.</param>
/// <param name="Assignments">Each <c>--set</c>, in order.</param>
/// <param name="Seed">What <c>--seed</c> says, or null; goes over all else.</param>
internal sealed record RecipeSource(string? Preset, string? Config, IReadOnlyList<string> Assignments, ulong? Seed)
{
    /// <summary>Whether the command line itself names a recipe.</summary>
    public bool IsNamed => Preset is not null || Config is not null;

    /// <summary>The images that belong to the recipe, where no others are named: the demo's are drawn. Null for every other.</summary>
    public string? Images => Preset == "demo" ? Commands.DemoCommand.Data : null;

    /// <summary>Reads the recipe, resolves it and checks it for a device.</summary>
    /// <param name="fallback">The recipe when the command line names none, or null: that of a run to be resumed.</param>
    /// <param name="device">The device it is to be trained on.</param>
    /// <exception cref="LdaeException">Configuration: no recipe, two, or one that makes no sense or is not there yet.</exception>
    public Recipe Load(Recipe? fallback, DeviceChoice device)
    {
        var named = (Preset, Config, fallback) switch
        {
            (not null, not null, _) => throw new LdaeException(
                ErrorKind.Configuration,
                $"--preset {Preset} and --config {Config} are both given.",
                "Give one of them; a configuration file may name its preset: { \"preset\": \"cifar-tiny\" }."),
            (not null, _, _) => Presets.Get(Preset),
            (_, not null, _) => RecipeJson.ReadFile(Config),
            (_, _, not null) => fallback,
            _ => throw new LdaeException(
                ErrorKind.Configuration,
                "No recipe is given.",
                $"Add --preset with one of {string.Join(", ", Presets.Names)}, or --config FILE.json."),
        };
        var recipe = RecipeFields.Apply(named, Assignments);

        // Whoever says a precision gets it, a run that goes on keeps its own, and else bf16 is what a GPU is for.
        var precision = recipe.Train.Precision ?? fallback?.Train.Precision ?? (device.Kind == DeviceKind.Cuda ? TrainPrecision.Bf16 : TrainPrecision.Fp32);
        recipe = recipe with { Train = recipe.Train with { Precision = precision } };
        recipe = (Seed is { } seed ? recipe with { Train = recipe.Train with { Seed = seed } } : recipe).Resolve();
        RecipeValidation.Check(recipe);
        RecipeValidation.CheckDevice(recipe, device.Kind);
        return recipe;
    }
}
