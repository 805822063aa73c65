using System.Text.Json;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>A pretraining run as two commands do it: with progress on the screen and the data's name kept for resuming.</summary>
internal static class PretrainingWork
{
    private const string SourceFile = "data.json";

    /// <summary>Which images a run was started with.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="given">What the command line says, or null.</param>
    /// <exception cref="LdaeException">Configuration: nobody knows, or the two differ.</exception>
    public static string DataOf(RunFolder folder, string? given)
    {
        var path = Path.Combine(folder.Path, SourceFile);
        if (!folder.HoldsRun || !File.Exists(path))
        {
            return given ?? throw Commands.SharedOptions.NoData();
        }

        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        return given ?? json.RootElement.GetProperty("data").GetString()!;
    }

    /// <summary>Trains.</summary>
    public static PretrainingResult Run(
        Recipe recipe, string data, IBackend backend, RunFolder folder, bool resume, int? threads, int maxBadSamples, RunnerContext context, RunLog log)
    {
        var source = ImageSourceFactory.Open(data, train: true, recipe.Data.ImageSize, recipe.Train.Seed);
        File.WriteAllText(Path.Combine(folder.Path, SourceFile), new CommandResult().Add("data", data).ToJson());
        log.Line($"{source.Count} training images, {source.ClassNames.Count} classes: {source.Name}");
        using var progress = context.Output.StartProgress();
        return new Pretraining(new PretrainingOptions(recipe, backend, source, folder.Path)
        {
            Resume = resume,
            LoaderThreads = Workbench.Loaders(threads),
            MaxBadSamples = maxBadSamples,
            OnStep = (step, total, result, speed, eta) => progress.Report(step, total, result.Loss, speed, eta),
            OnLine = log.Line,
            Cancellation = context.Cancellation,
        }).Run();
    }

    /// <summary>The fields that every training command reports.</summary>
    public static CommandResult Describe(CommandResult result, PretrainingResult trained, RunFolder folder, DeviceChoice device) => result
        .Add("run", folder.Path)
        .Add("device", device.Name)
        .Add("steps", trained.Steps)
        .Add("loss", trained.Last?.Loss ?? double.NaN)
        .Add("images_per_second", Math.Round(trained.ImagesPerSecond, 2))
        .Add("peak_memory_bytes", Workbench.PeakMemory())
        .Add("planned_memory_bytes", trained.PlannedBytes)
        .Add("seconds", Math.Round(trained.Seconds, 2));
}
