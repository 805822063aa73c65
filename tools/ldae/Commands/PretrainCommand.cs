using System.CommandLine;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae pretrain</c>: pretrains a latent denoising autoencoder.</summary>
internal static class PretrainCommand
{
    public const string Name = "pretrain";

    public static RunnerCommand Create(RunnerHost host)
    {
        var (preset, config, set, seed) = (SharedOptions.Preset(), SharedOptions.Config(), SharedOptions.Set(), SharedOptions.Seed());
        var (data, device, @out, resume) = (SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out(), SharedOptions.Resume());
        var (threads, bad, profile) = (SharedOptions.Threads(), SharedOptions.MaxBadSamples(), SharedOptions.Profile());
        var (tokenizer, keep, anomaly) = (SharedOptions.Tokenizer(), SharedOptions.Keep(), SharedOptions.DetectAnomaly());
        var command = new RunnerCommand(
            Name,
            "Pretrains a latent denoising autoencoder.",
            "--preset cifar-tiny --data cifar10:DIR --out runs/tiny",
            "--preset cifar-tiny --data cifar10:DIR --set train.epochs=20 --set noise.schedule=single",
            "--config recipe.json --data folder:DIR --device cpu --threads 8",
            "--preset cifar-tiny --data cifar10:DIR --set train.steps=20 --profile",
            "--preset cifar-tiny --data cifar10:DIR --set train.lr=1 --detect-anomaly",
            "--out runs/tiny --resume")
        {
            ListsFields = true,
        };
        foreach (var option in new Option[] { preset, config, data, device, @out, resume, set, seed, threads, bad, keep, profile, anomaly, tokenizer })
        {
            command.Add(option);
        }

        command.SetAction(parse => host.Execute(Name, parse, alone =>
        {
            using var group = JoinedGroup.Join(Name, alone);
            var count = group.Threads(parse.GetValue(threads));
            var skipped = parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples;
            return group.Run(context =>
            {
                if (group.Processes.Rank > 0)
                {
                    return WorkerRun.Run(group, count, skipped, parse.GetValue(anomaly), context);
                }

                var chosen = DeviceChoice.Resolve(group.DeviceName(parse.GetRequiredValue(device)));
                if (parse.GetValue(anomaly) && chosen.Gpu is not null && group.Processes.Size > 1)
                {
                    // The anomaly backend hides the GPU from NCCL.
                    throw new LdaeException(
                        ErrorKind.Configuration, "--detect-anomaly is for one process where the device is a GPU.", "Start one process, or leave --detect-anomaly out.");
                }

                var folder = RunFolder.Choose(Name, parse.GetValue(@out), parse.GetValue(resume), context.Time);
                string[] assignments = [.. parse.GetRequiredValue(set), .. SharedOptions.Assignments(("train.keep", parse.GetValue(keep)))];
                var source = new RecipeSource(parse.GetValue(preset), parse.GetValue(config), assignments, parse.GetValue(seed));
                var (recipe, images) = folder.HoldsRun
                    ? Resumed(new ResumedRun(folder), source, parse.GetValue(data), chosen)
                    : Started(folder, source, parse.GetValue(data), chosen, parse.GetValue(resume));
                group.Tell(() => (recipe, images, chosen.Name.Split(':')[0]));
                var options = new PretrainOptions(
                    recipe, images, chosen, folder, parse.GetValue(resume), count, skipped, parse.GetValue(profile), parse.GetValue(tokenizer), parse.GetValue(anomaly));
                return Run(options with { Group = group }, context);
            });
        }));
        return command;
    }

    /// <summary>Recipe and images of a run that is resumed.</summary>
    internal static (Recipe Recipe, string Data) Resumed(ResumedRun run, RecipeSource source, string? data, DeviceChoice device, Func<Recipe, Recipe>? trained = null)
    {
        var recipe = source.Load(run.Recipe(), device);
        run.Require(recipe, trained);
        return (recipe, run.Data(data));
    }

    /// <summary>Recipe and images of a new run.</summary>
    internal static (Recipe Recipe, string Data) Started(RunFolder folder, RecipeSource source, string? data, DeviceChoice device, bool resume) =>
        resume && !source.IsNamed
            ? throw new LdaeException(
                ErrorKind.Configuration,
                $"--out {folder.Path} holds no run to resume.",
                "Give --out the folder of a run, or name a recipe with --preset or --config to start one there.")
            : (source.Load(null, device), data ?? source.Images ?? throw SharedOptions.NoData());

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(PretrainOptions options, RunnerContext context)
    {
        var tokenizer = options.Tokenizer is { } path ? TokenizerWork.Load(path, options.Recipe) : null;
        options.Out.Create();
        using var held = new RunLock(options.Out.Path);
        using var log = new RunLog(context.Output, options.Out.Path);
        using var device = options.Device.Open(options.Threads, options.Recipe, log.Line, options.Out);
        using var profile = options.Profile ? new RunProfile(device, options.Out.Path, log.Line) : null;
        using var anomalies = options.DetectAnomaly ? new AnomalyBackend(profile?.Backend ?? device) : null;
        var backend = anomalies ?? profile?.Backend ?? device;
        if (options.Device.Why is { } why)
        {
            log.Line(why);
        }

        if (options.Resume && !options.Out.HoldsRun)
        {
            log.Line($"{options.Out.Path} holds no run yet: one is started there.");
        }

        var bad = new BadSamples(options.MaxBadSamples, log.Line);
        var trained = PretrainingWork.Run(options.Recipe, options.Data, backend, options.Out, options.Threads, bad, context, log, tokenizer, options.Group);
        var result = PretrainingWork.Describe(
            new CommandResult { ExitCode = trained.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done }.Add("command", Name), trained, options.Out, options.Device, backend, bad);
        if (trained.KnnTop1 is { } knn)
        {
            result.Add("knn_top1", knn);
        }

        if (trained.Best is { } best)
        {
            result.Add("best_step", best.Step).Add("best_knn_top1", Math.Round(best.KnnTop1, 2));
        }

        if (trained.Rollbacks > 0)
        {
            result.Add("rollbacks", trained.Rollbacks);
        }

        if (trained.StepsRun > 0 || !CommandResult.IsSaved(options.Out.Path, Name))
        {
            result.Save(options.Out.Path, Name);
        }

        RunReport.Write(options.Out.Path, $"l-DAE pretraining: {Path.GetFileName(options.Out.Path)}");
        log.Line(trained.Interrupted ? $"Stopped at step {trained.Steps}; continue with --resume." : $"Done: {Path.Combine(options.Out.Path, RunFiles.Report)}");
        return result;
    }
}

/// <summary>Options of pretrain.</summary>
/// <param name="Recipe">The recipe, resolved and checked.</param>
/// <param name="Data">The data set.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Resume">Whether to resume a run in the folder.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
/// <param name="Profile">Whether to write a trace of kernel times to the run folder.</param>
/// <param name="Tokenizer">A trained tokenizer, or null.</param>
/// <param name="DetectAnomaly">Whether to stop at the first primitive that writes a value that is not finite.</param>
internal sealed record PretrainOptions(
    Recipe Recipe,
    string Data,
    DeviceChoice Device,
    RunFolder Out,
    bool Resume,
    int? Threads,
    int MaxBadSamples,
    bool Profile = false,
    string? Tokenizer = null,
    bool DetectAnomaly = false)
{
    /// <summary>The processes that train together, or null for this one alone.</summary>
    public JoinedGroup? Group { get; init; }
}
