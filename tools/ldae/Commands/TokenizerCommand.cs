using System.CommandLine;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae tokenizer train</c>: trains an autoencoder tokenizer alone, with its reconstruction error and pictures.</summary>
internal static class TokenizerCommand
{
    public const string Name = "tokenizer";

    private const string Train = "train";
    private const int DefaultImages = 256;

    public static Command Create(RunnerHost host) => new(Name, "Trains the tokenizer of a recipe alone.") { CreateTrain(host) };

    private static RunnerCommand CreateTrain(RunnerHost host)
    {
        var (preset, config, set, seed) = (SharedOptions.Preset(), SharedOptions.Config(), SharedOptions.Set(), SharedOptions.Seed());
        var (data, device, @out, resume) = (SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out(), SharedOptions.Resume());
        var (threads, bad) = (SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var images = SharedOptions.Whole("--images", $"Test images to reconstruct; {DefaultImages} when left out.", 1);
        var command = new RunnerCommand(Train, "Trains an autoencoder of patches and reconstructs test images.")
        {
            Examples =
            [
                "ldae tokenizer train --preset cifar-tiny --set tokenizer.kind=patchVae --set objective.input=latent --set objective.output=latent --data cifar10:DIR --out "
                    + "runs/vae",
                "ldae tokenizer train --out runs/vae --resume",
            ],
            ListsFields = true,
        };
        foreach (var option in new Option[] { preset, config, data, device, @out, resume, images, set, seed, threads, bad })
        {
            command.Add(option);
        }

        command.SetAction(parse => host.Execute($"{Name} {Train}", parse, context =>
        {
            var chosen = DeviceChoice.Resolve(parse.GetRequiredValue(device));
            var folder = RunFolder.Choose(Name, parse.GetValue(@out), parse.GetValue(resume), context.Time);
            var source = new RecipeSource(parse.GetValue(preset), parse.GetValue(config), parse.GetRequiredValue(set), parse.GetValue(seed));
            var (recipe, from) = folder.HoldsRun
                ? PretrainCommand.Resumed(new ResumedRun(folder), source, parse.GetValue(data), chosen, recipe => AutoencoderTraining.RecipeOf(recipe, images: 1))
                : PretrainCommand.Started(folder, source, parse.GetValue(data), chosen, parse.GetValue(resume));
            var skipped = parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples;
            return Run(new TokenizerOptions(recipe, from, parse.GetValue(images) ?? DefaultImages, chosen, folder, parse.GetValue(threads), skipped), context);
        }));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(TokenizerOptions options, RunnerContext context)
    {
        var recipe = options.Recipe;
        var source = ImageSourceFactory.Open(options.Data, train: true, recipe.Data.ImageSize, recipe.Train.Seed, recipe.Data.ShardMegabytes);
        using var backend = options.Device.Open(options.Threads, recipe);
        AutoencoderFactory.Require(recipe);
        options.Out.Create();
        using var held = new RunLock(options.Out.Path);
        using var log = new RunLog(context.Output, options.Out.Path);
        ResumedRun.KeepData(options.Out, options.Data);
        AtomicFile.WriteText(options.Out.ConfigPath, RecipeJson.Write(recipe));
        var (bad, loaders) = (new BadSamples(options.MaxBadSamples, log.Line), MachineFacts.Threads(options.Threads));
        TokenizerResult trained;
        using (var progress = context.Output.StartProgress())
        {
            trained = new AutoencoderTraining(new RunOptions(recipe, backend, source, options.Out.Path)
            {
                LoaderThreads = loaders,
                Bad = bad,
                OnStep = (step, total, found, speed, eta) => progress.Report(step, total, found.Loss, speed, eta),
                OnLine = log.Line,
                Cancellation = context.Cancellation,
            }).Run();
        }

        var result = new CommandResult { ExitCode = trained.Tokenizer is null ? ExitCodes.Interrupted : ExitCodes.Done }
            .Add("command", $"{Name} {Train}")
            .Add("run", options.Out.Path)
            .Add("device", options.Device.Name)
            .Add("steps", trained.Steps)
            .Add("loss", trained.Loss)
            .Add("terms", trained.Terms.Select(term => new CommandResult().Add("name", term.Name).Add("value", term.Value)))
            .Add("images_per_second", Math.Round(trained.ImagesPerSecond, 2))
            .Add("peak_memory_bytes", MachineFacts.PeakMemory(backend));
        if (trained.Tokenizer is { } tokenizer)
        {
            var test = ImageSourceFactory.Open(options.Data, train: false, recipe.Data.ImageSize, recipe.Train.Seed, recipe.Data.ShardMegabytes);
            TokenizerWork.Show(result, tokenizer, recipe, backend, test, options.Images, options.Out.Path, loaders, bad, log.Line, context.Cancellation);
        }

        result.Add("bad_samples", bad.Count).Add("seconds", Math.Round(trained.Seconds, 2));
        result.Save(options.Out.Path, Name);
        RunReport.Write(options.Out.Path, $"Tokenizer: {Path.GetFileName(options.Out.Path)}");
        log.Line(trained.Tokenizer is null ? $"Stopped at step {trained.Steps}; continue with --resume." : $"Done: {Path.Combine(options.Out.Path, RunFiles.Report)}");
        return result;
    }
}

/// <summary>Options of tokenizer train.</summary>
/// <param name="Recipe">The recipe, resolved and checked.</param>
/// <param name="Data">The data set.</param>
/// <param name="Images">Test images to reconstruct.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record TokenizerOptions(
    Recipe Recipe,
    string Data,
    int Images,
    DeviceChoice Device,
    RunFolder Out,
    int? Threads,
    int MaxBadSamples);
