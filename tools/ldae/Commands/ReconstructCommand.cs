using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae reconstruct</c>: draws images clean, with their kept components only, noised and denoised, with the PSNR of each.</summary>
internal static class ReconstructCommand
{
    public const string Name = "reconstruct";

    private const int DefaultImages = 256;
    private const double DefaultSigma = 0.5;

    public static RunnerCommand Create(RunnerHost host)
    {
        var (checkpoint, data, device, @out) = (SharedOptions.RequiredCheckpoint(), SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out());
        var (seed, threads, bad) = (SharedOptions.Seed("the noise"), SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var images = SharedOptions.Whole("--images", $"Images to reconstruct, spread over the test set; {DefaultImages} when left out.", 1);
        var level = SharedOptions.Whole("--level", "Level of noise, from 1.", 1);
        var sigma = new Option<double?>("--sigma")
        {
            Description = $"Noise in standard deviations of the latents; {DefaultSigma} when neither this nor --level is given.",
        };
        sigma.Validators.Add(found =>
        {
            if (found.GetValueOrDefault<double?>() is { } value && !(value > 0 && double.IsFinite(value)))
            {
                found.AddError($"--sigma {value} is not allowed: it takes a number above 0.");
            }
        });
        var weights = SharedOptions.OneOf("--weights", "Which weights are read; raw when left out", "raw", "ema");
        var command = new RunnerCommand(
            Name,
            "Draws images clean, with their kept components only, noised and denoised, with the PSNR of each.",
            "--checkpoint runs/tiny --data cifar10:DIR",
            "--checkpoint runs/tiny --data synthetic --images 16 --level 500")
        {
            checkpoint, data, device, @out, images, level, sigma, weights, seed, threads, bad,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            if (parse.GetValue(level) is { } l && parse.GetValue(sigma) is { } s)
            {
                throw new LdaeException(
                    ErrorKind.Configuration, string.Create(CultureInfo.InvariantCulture, $"--level {l} and --sigma {s} are both given."),
                    "Give one of them: a level has its own sigma.");
            }

            var options = new ReconstructOptions(
                parse.GetRequiredValue(checkpoint),
                parse.GetValue(data) ?? throw SharedOptions.NoData(),
                parse.GetValue(images) ?? DefaultImages,
                parse.GetValue(level),
                parse.GetValue(sigma),
                parse.GetValue(weights) == "ema" ? ProbeWeights.Ema : ProbeWeights.Raw,
                DeviceChoice.Resolve(parse.GetRequiredValue(device)),
                RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time),
                parse.GetValue(seed) ?? 0,
                parse.GetValue(threads),
                parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples);
            return Run(options, context);
        }));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(ReconstructOptions options, RunnerContext context)
    {
        var start = Stopwatch.GetTimestamp();
        using var backend = options.Device.Open(options.Threads, TrainingCheckpoint.RecipeIn(options.Checkpoint));
        using var model = MethodCatalog.LoadDenoiser(options.Checkpoint, backend, options.Weights);
        var source = ImageSourceFactory.Open(options.Data, train: false, model.Recipe.Data.ImageSize, model.Recipe.Train.Seed, model.Recipe.Data.ShardMegabytes);
        if (options.Level is { } level && level > model.Schedule.Levels)
        {
            throw new LdaeException(ErrorKind.Configuration, $"--level {level} is not allowed: the run has {model.Schedule.Levels} levels.", "Give a smaller --level, or --sigma.");
        }

        var sigma = options.Sigma ?? (options.Level is { } t ? model.Schedule.Sigma(t) : DefaultSigma);
        options.Out.Create();
        using var log = new RunLog(context.Output, options.Out.Path);
        var result = new CommandResult()
            .Add("command", Name)
            .Add("run", options.Out.Path)
            .Add("device", options.Device.Name)
            .Add("checkpoint", options.Checkpoint)
            .Add("weights", options.Weights == ProbeWeights.Ema ? "ema" : "raw");
        var bad = new BadSamples(options.MaxBadSamples, log.Line);
        ReconstructWork.Run(
                result, model, source, options.Images, sigma, options.Seed, options.Out.Path, MachineFacts.Threads(options.Threads), bad, log.Line, context.Cancellation)
            .Add("bad_samples", bad.Count)
            .Add("seconds", Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2));
        result.Save(options.Out.Path, Name);
        RunReport.Write(options.Out.Path, $"l-DAE reconstruction by {options.Checkpoint}");
        return result;
    }
}

/// <summary>Options of reconstruct.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder or a .safetensors file.</param>
/// <param name="Data">The data set.</param>
/// <param name="Images">How many images, one row each.</param>
/// <param name="Level">Level of noise from 1 to T; or null.</param>
/// <param name="Sigma">Noise in standard deviations of the latents, or null.</param>
/// <param name="Weights">Raw or averaged weights.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Seed">Seed of the command's random numbers.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record ReconstructOptions(
    string Checkpoint,
    string Data,
    int Images,
    int? Level,
    double? Sigma,
    ProbeWeights Weights,
    DeviceChoice Device,
    RunFolder Out,
    ulong Seed,
    int? Threads,
    int MaxBadSamples);
