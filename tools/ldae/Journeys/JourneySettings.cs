using System.Globalization;
using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Journey;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Journeys;

/// <summary>What all runs of a journey have in common, so that their accuracies can be compared; kept in its folder, since a journey is made in slices.</summary>
/// <param name="Preset">The size.</param>
/// <param name="Data">The images.</param>
/// <param name="Epochs">Passes over the training images; null for the preset's.</param>
/// <param name="Seed">The first seed.</param>
/// <param name="Set">Assignments over the preset's recipe, before any step.</param>
internal sealed record JourneySettings(string Preset, string Data, double? Epochs, ulong Seed, IReadOnlyList<string> Set)
{
    /// <summary>The settings that a command line asks for in a folder: those of the journey there, which it may repeat and not change, or new ones.</summary>
    /// <param name="folder">Where the journey is or will be.</param>
    /// <param name="preset">What <c>--preset</c> says, or null.</param>
    /// <param name="data">What <c>--data</c> says, or null.</param>
    /// <param name="epochs">What <c>--epochs</c> says, or null.</param>
    /// <param name="seed">What <c>--seed</c> says, or null.</param>
    /// <param name="set">Each <c>--set</c>, in order.</param>
    /// <exception cref="LdaeException">Configuration: something is missing, or differs from what the journey was started with. Data: the file is broken.</exception>
    public static JourneySettings Of(JourneyFolder folder, string? preset, string? data, double? epochs, ulong? seed, IReadOnlyList<string> set)
    {
        if (!File.Exists(folder.SettingsPath))
        {
            var name = preset ?? throw new LdaeException(
                ErrorKind.Configuration, "The size of the journey is not given.", $"Add --preset with one of {string.Join(", ", JourneyPresets.Names)}.");
            var chosen = JourneyPresets.Get(name);
            return new JourneySettings(name, data ?? chosen.Data ?? throw Commands.SharedOptions.NoData(), epochs, seed ?? 0, set);
        }

        var started = Read(folder.SettingsPath);
        Require("--preset", preset, started.Preset);
        Require("--data", data, started.Data);
        Require("--epochs", Text(epochs), Text(started.Epochs) ?? "the preset's epochs");
        Require("--seed", seed?.ToString(CultureInfo.InvariantCulture), started.Seed.ToString(CultureInfo.InvariantCulture));
        Require("--set", set.Count > 0 ? string.Join(" --set ", set) : null, started.Set.Count > 0 ? string.Join(" --set ", started.Set) : "nothing set");
        return started;

        void Require(string option, string? given, string was)
        {
            if (given is not null && given != was)
            {
                throw new LdaeException(
                    ErrorKind.Configuration,
                    $"{option} {given} is given, but the journey in {folder.Path} was started with {was}.",
                    "Leave it out to go on with the journey as it is: its steps must be alike in it to be compared. Or give --out another folder.");
            }
        }
    }

    /// <summary>The preset with what is set.</summary>
    /// <exception cref="LdaeException">Configuration: an assignment is wrong.</exception>
    public JourneyPreset Resolve()
    {
        var preset = JourneyPresets.Get(Preset);
        var changed = preset with { Recipe = RecipeFields.Apply(preset.Recipe, Set) };
        return Epochs is { } epochs ? changed.WithEpochs(epochs) : changed;
    }

    /// <summary>Keeps the settings.</summary>
    public void Write(string path) => AtomicFile.WriteText(path, Add(new CommandResult()).ToJson());

    /// <summary>Adds the settings to a result object.</summary>
    public CommandResult Add(CommandResult result) => result
        .Add("preset", Preset)
        .Add("data", Data)
        .Add("epochs", Epochs ?? double.NaN)
        .Add("seed", (long)Seed)
        .Add("set", Set);

    private static string? Text(double? number) => number?.ToString("R", CultureInfo.InvariantCulture);

    private static JourneySettings Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            var epochs = root.GetProperty("epochs");
            return new JourneySettings(
                root.GetProperty("preset").GetString()!,
                root.GetProperty("data").GetString()!,
                epochs.ValueKind == JsonValueKind.Null ? null : epochs.GetDouble(),
                root.GetProperty("seed").GetUInt64(),
                [.. root.GetProperty("set").EnumerateArray().Select(value => value.GetString()!)]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(
                ErrorKind.Data, $"{path} does not say what the journey was started with: {e.Message}", "Delete the file and give the options the journey was started with.", e);
        }
    }
}
