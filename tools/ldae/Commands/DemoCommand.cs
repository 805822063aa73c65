using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae demo</c>: the whole method in about two minutes: pretrains on synthetic images, probes against controls, draws.</summary>
internal static class DemoCommand
{
    public const string Name = "demo";

    /// <summary>The demo's images.</summary>
    public const string Data = "synthetic:6000";

    /// <summary>Title of its page.</summary>
    public const string Title = "l-DAE: the whole story on synthetic images";

    private const int GridImages = 64;
    private const double DefaultSigma = 0.5;

    public static RunnerCommand Create(RunnerHost host)
    {
        var (device, @out, set, seed, threads) = (SharedOptions.Device(), SharedOptions.Out(), SharedOptions.Set(), SharedOptions.Seed(), SharedOptions.Threads());
        var command = new RunnerCommand(
            Name,
            "The whole method in about two minutes: pretrains on synthetic images, probes against controls, draws.",
            "",
            "--out demo --seed 1")
        {
            device, @out, set, seed, threads,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var chosen = DeviceChoice.Resolve(parse.GetRequiredValue(device));
            var source = new RecipeSource("demo", null, parse.GetRequiredValue(set), parse.GetValue(seed));
            var folder = RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time);
            return Run(new DemoOptions(source.Load(null, chosen), chosen, folder, parse.GetValue(threads)), context);
        }));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(DemoOptions options, RunnerContext context)
    {
        var (recipe, folder) = (options.Recipe, options.Out);
        folder.Create();
        using var log = new RunLog(context.Output, folder.Path);
        using var backend = options.Device.Open(options.Threads, options.Recipe, log.Line);
        log.Line("1. Learn to denoise: patches lose all but their first principal components, get noise there, and a network restores the image.");
        var bad = new BadSamples(0, log.Line);
        var trained = PretrainingWork.Run(recipe, Data, backend, folder, options.Threads, bad, context, log);
        var result = PretrainingWork.Describe(
            new CommandResult { ExitCode = trained.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done }.Add("command", Name), trained, folder, options.Device, backend, bad);
        if (trained.Interrupted)
        {
            return result;
        }

        using var model = MethodCatalog.LoadDenoiser(folder.Path, backend);
        var training = ImageSourceFactory.Open(Data, train: true, recipe.Data.ImageSize, recipe.Train.Seed);
        var test = ImageSourceFactory.Open(Data, train: false, recipe.Data.ImageSize, recipe.Train.Seed);
        log.Line("2. Denoise images that were not trained on.");
        ReconstructWork.Run(
            result, model, test, GridImages, DefaultSigma, recipe.Train.Seed, folder.Path, MachineFacts.Threads(options.Threads), bad, log.Line, context.Cancellation);
        log.Line("3. Drop the decoder and train a linear classifier on the encoder's features, beside two untrained controls.");
        using var encoder = model.Encoder(recipe.Probe);
        var comparison = new EncoderComparison(encoder, training, test, recipe.Data.HoldOut, recipe.Train.Seed)
        {
            Workers = MachineFacts.Threads(options.Threads),
            Bad = bad,
            Cancellation = context.Cancellation,
        };
        using var exact = options.Device.OpenInFloat32(backend);
        ProbeWork.Run(result, comparison, ProbeMethod.Linear, exact ?? backend, [recipe.Train.Seed], folder.Path, log.Line);
        result.Save(folder.Path, Name);
        RunReport.Write(folder.Path, Title);
        log.Line($"4. Read the rest in {Path.Combine(folder.Path, RunFiles.Report)}");
        return result;
    }
}

/// <summary>Options of demo.</summary>
/// <param name="Recipe">The recipe, resolved and checked.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
internal sealed record DemoOptions(
    Recipe Recipe,
    DeviceChoice Device,
    RunFolder Out,
    int? Threads);
