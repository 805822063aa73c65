using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>The settings of a run that is resumed, and those that a command line may change.</summary>
/// <param name="folder">A folder that holds a run.</param>
internal sealed class ResumedRun(RunFolder folder)
{
    private const string DataFile = "data.json", DataKey = "data";

    /// <summary>The run's recipe: that of its config.json, or of its last checkpoint where the file is gone.</summary>
    /// <exception cref="LdaeException">Configuration or Data: neither can be read.</exception>
    public Recipe Recipe()
    {
        if (!File.Exists(folder.ConfigPath))
        {
            return TrainingCheckpoint.RecipeIn(folder.Path);
        }

        try
        {
            return RecipeJson.ReadFile(folder.ConfigPath);
        }
        catch (LdaeException e)
        {
            throw new LdaeException(e.Kind, e.Message, $"{e.Remedy} Or delete the file: the run's checkpoints hold its recipe too.", e);
        }
    }

    /// <summary>Rejects a recipe that is another experiment than the run's.</summary>
    /// <param name="given">The command line's recipe, resolved.</param>
    /// <param name="trained">The trained part of a recipe, where that is not the recipe itself.</param>
    /// <exception cref="LdaeException">Configuration: the message names field, given value and the run's.</exception>
    public void Require(Recipe given, Func<Recipe, Recipe>? trained = null)
    {
        var started = Recipe().Resolve();
        if (Experiment.Difference(trained?.Invoke(started) ?? started, trained?.Invoke(given) ?? given) is var (field, run, now))
        {
            throw Differs($"{field} = {now}", $"{field} = {run}");
        }
    }

    /// <summary>The images that the run was started with.</summary>
    /// <param name="given">The value of --data, or null.</param>
    /// <exception cref="LdaeException">Configuration: they are unknown, or the two differ. Data: the file that records them is broken.</exception>
    public string Data(string? given)
    {
        var path = Path.Combine(folder.Path, DataFile);
        if (!File.Exists(path))
        {
            return given ?? throw Commands.SharedOptions.NoData();
        }

        var run = ReadData(path);
        return given is null || Same(given, run) ? given ?? run : throw Differs($"--data {given}", $"--data {run}", $" If the same images moved, correct {path}.");
    }

    /// <summary>Records the images that a run is started with.</summary>
    /// <param name="folder">The run folder; it exists.</param>
    /// <param name="data">The value of --data.</param>
    public static void KeepData(RunFolder folder, string data)
    {
        var path = Path.Combine(folder.Path, DataFile);
        if (!folder.HoldsRun || !File.Exists(path))
        {
            AtomicFile.WriteText(path, new CommandResult().Add(DataKey, data).ToJson());
        }
    }

    private static string ReadData(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return json.RootElement.GetProperty(DataKey).GetString() ?? throw new JsonException($"'{DataKey}' is null");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(
                ErrorKind.Data, $"{path} does not say which images the run was started with: {e.Message}", "Delete the file and give --data as the run was started with.", e);
        }
    }

    /// <summary>Whether two names mean the same data set, also by different spellings of a path.</summary>
    private static bool Same(string a, string b) => Plain(a) == Plain(b);

    private static string Plain(string data)
    {
        var colon = data.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 || colon == data.Length - 1 || data.StartsWith("synthetic", StringComparison.Ordinal)
            ? data
            : data[..(colon + 1)] + Path.TrimEndingDirectorySeparator(Path.GetFullPath(data[(colon + 1)..]));
    }

    private LdaeException Differs(string given, string run, string more = "") => new(
        ErrorKind.Configuration,
        $"{given} is given, but the run in {folder.Path} was started with {run}.",
        $"Leave it out to continue the run unchanged, or give --out another folder. A resumed run may change its length ({string.Join(", ", Experiment.Free.Take(3))}), "
        + $"what it writes ({string.Join(", ", Experiment.Free.Skip(3))}), how it is computed ({Experiment.Precision}, the fields of cuda), the fields of probe, and "
        + $"--threads.{more}");
}
