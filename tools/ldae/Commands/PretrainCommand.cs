using System.CommandLine;
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
        var (threads, bad) = (SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var command = new RunnerCommand(
            Name,
            "Pretrains a latent denoising autoencoder.",
            "--preset cifar-tiny --data cifar10:DIR --out runs/tiny",
            "--preset cifar-tiny --data cifar10:DIR --set train.epochs=20 --set noise.schedule=single",
            "--config recipe.json --data folder:DIR --device cpu --threads 8",
            "--out runs/tiny --resume")
        {
            ListsFields = true,
        };
        foreach (var option in new Option[] { preset, config, data, device, @out, resume, set, seed, threads, bad })
        {
            command.Add(option);
        }

        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var chosen = DeviceChoice.Resolve(parse.GetRequiredValue(device));
            var folder = RunFolder.Choose(Name, parse.GetValue(@out), parse.GetValue(resume), context.Time);
            var source = new RecipeSource(parse.GetValue(preset), parse.GetValue(config), parse.GetRequiredValue(set), parse.GetValue(seed));
            var recipe = source.Load(folder.HoldsRun ? folder.ConfigPath : null, chosen);
            var images = parse.GetValue(data) ?? (folder.HoldsRun ? null : throw SharedOptions.NoData());
            var skipped = parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples;
            return Run(new PretrainOptions(recipe, images, chosen, folder, parse.GetValue(threads), skipped), context);
        }));
        return command;
    }

    /// <summary>Does the work.</summary>
    public static CommandResult Run(PretrainOptions options, RunnerContext context)
    {
        var data = PretrainingWork.DataOf(options.Out, options.Data);
        options.Out.Create();
        using var log = new RunLog(context.Output, options.Out.Path);
        using var backend = Workbench.Open(options.Device, options.Threads, options.Recipe, log.Line);
        if (options.Device.Why is { } why)
        {
            log.Line(why);
        }

        var trained = PretrainingWork.Run(options.Recipe, data, backend, options.Out, options.Out.HoldsRun, options.Threads, options.MaxBadSamples, context, log);
        var result = PretrainingWork.Describe(
            new CommandResult { ExitCode = trained.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done }.Add("command", Name), trained, options.Out, options.Device);
        if (trained.KnnTop1 is { } knn)
        {
            result.Add("knn_top1", knn);
        }

        Workbench.Keep(result, options.Out.Path, Name);
        RunReport.Write(options.Out.Path, $"l-DAE pretraining: {Path.GetFileName(options.Out.Path)}");
        log.Line(trained.Interrupted ? $"Stopped at step {trained.Steps}; go on with --resume." : $"Done: {Path.Combine(options.Out.Path, RunFiles.Report)}");
        return result;
    }
}
