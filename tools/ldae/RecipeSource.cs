using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>The source of a command's recipe: a preset or a file, then assignments.</summary>
/// <param name="Preset">The value of <c>--preset</c>, or null.</param>
/// <param name="Config">The value of <c>--config</c>, or null.</param>
/// <param name="Assignments">Each <c>--set</c>, in order.</param>
/// <param name="Seed">The value of <c>--seed</c>, or null; overrides all else.</param>
internal sealed record RecipeSource(string? Preset, string? Config, IReadOnlyList<string> Assignments, ulong? Seed)
{
    /// <summary>Whether the command line itself names a recipe.</summary>
    public bool IsNamed => Preset is not null || Config is not null;

    /// <summary>The default images of the recipe: synthetic ones for the demo, else null.</summary>
    public string? Images => Preset == "demo" ? Commands.DemoCommand.Data : null;

    /// <summary>Reads the recipe, resolves it and checks it for a device.</summary>
    /// <param name="fallback">The recipe when the command line names none, or null: that of a run to be resumed.</param>
    /// <param name="device">The device it is to be trained on.</param>
    /// <exception cref="LdaeException">Configuration: no recipe, two, or an invalid one.</exception>
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

        // An explicit precision is used, a resumed run keeps its own; else bf16 on a GPU.
        var precision = recipe.Train.Precision ?? fallback?.Train.Precision ?? (device.Kind == DeviceKind.Cuda ? TrainPrecision.Bf16 : TrainPrecision.Fp32);
        recipe = recipe with { Train = recipe.Train with { Precision = precision } };
        recipe = (Seed is { } seed ? recipe with { Train = recipe.Train with { Seed = seed } } : recipe).Resolve();
        RecipeValidation.Check(recipe);
        RecipeValidation.CheckDevice(recipe, device.Kind);
        return recipe;
    }
}
