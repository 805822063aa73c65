using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae sample</c>: draws images from noise by DDIM or DDPM, with guidance where the network knows classes.</summary>
internal static class SampleCommand
{
    public const string Name = "sample";

    private const int DefaultImages = 64, DefaultSteps = 50, Across = 8;

    public static RunnerCommand Create(RunnerHost host)
    {
        var (checkpoint, device, @out) = (SharedOptions.RequiredCheckpoint(), SharedOptions.Device(), SharedOptions.Out());
        var (seed, threads) = (SharedOptions.Seed("the noise"), SharedOptions.Threads());
        var images = SharedOptions.Whole("--images", $"Images to draw; {DefaultImages} when left out.", 1);
        var steps = SharedOptions.Whole("--steps", $"Steps from noise to image; {DefaultSteps} when left out.", 1);
        var label = SharedOptions.Whole("--class", "Class of every image, from 0; all classes in turn when left out.", 0);
        var sampler = SharedOptions.OneOf("--sampler", "How a step is made; ddim when left out", "ddim", "ddpm");
        var weights = SharedOptions.OneOf("--weights", "Which weights are read; raw when left out", "raw", "ema");
        var guidance = new Option<double>("--guidance")
        {
            Description = "Classifier-free guidance, for a network with class conditioning: 1 is none; more is closer to the class and less varied.",
            HelpName = "W",
            DefaultValueFactory = _ => 1,
        };
        var command = new RunnerCommand(
            Name,
            "Draws images from noise.",
            "--checkpoint runs/dit --steps 50 --guidance 1.5",
            "--checkpoint runs/tiny --sampler ddpm --steps 250 --images 16")
        {
            checkpoint, device, @out, images, sampler, steps, guidance, label, weights, seed, threads,
        };
        command.SetAction(parse => host.Execute(Name, parse, context => Run(
            new SampleOptions(
                parse.GetRequiredValue(checkpoint),
                parse.GetValue(images) ?? DefaultImages,
                parse.GetValue(sampler) == "ddpm" ? SamplerKind.Ddpm : SamplerKind.Ddim,
                parse.GetValue(steps) ?? DefaultSteps,
                parse.GetValue(guidance),
                parse.GetValue(label),
                parse.GetValue(weights) == "ema" ? ProbeWeights.Ema : ProbeWeights.Raw,
                DeviceChoice.Resolve(parse.GetRequiredValue(device)),
                RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time),
                parse.GetValue(seed) ?? 0,
                parse.GetValue(threads)),
            context)));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(SampleOptions options, RunnerContext context)
    {
        var start = Stopwatch.GetTimestamp();
        using var backend = options.Device.Open(options.Threads, TrainingCheckpoint.RecipeIn(options.Checkpoint));
        using var model = MethodCatalog.LoadDenoiser(options.Checkpoint, backend, options.Weights);
        Check(options, model);
        using var drawing = new ImageSampler(model, options.Sampler, options.Steps, options.Guidance, options.Seed);
        options.Out.Create();
        using var log = new RunLog(context.Output, options.Out.Path);
        var classes = model.Recipe.Conditioning.Classes;
        int?[] labels = [.. Enumerable.Range(0, options.Images).Select(i => model.LabelColumns == 0 ? (int?)null : options.Label ?? i % classes)];
        var images = drawing.Run(labels, context.Cancellation);
        var pictures = Path.Combine(options.Out.Path, RunFiles.Pictures);
        Directory.CreateDirectory(pictures);
        var picture = Path.Combine(pictures, "samples.png");
        File.WriteAllBytes(picture, Pictures.Grid(Rows(images, model.LabelColumns > 0 && options.Label is null ? classes : Across), model.Recipe.Data.ImageSize));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        log.Line(string.Create(CultureInfo.InvariantCulture, $"{images.Count} images in {options.Steps} steps each ({seconds:F1} s): {picture}"));
        var result = new CommandResult()
            .Add("command", Name)
            .Add("run", options.Out.Path)
            .Add("device", options.Device.Name)
            .Add("checkpoint", options.Checkpoint)
            .Add("weights", options.Weights == ProbeWeights.Ema ? "ema" : "raw")
            .Add("images", images.Count)
            .Add("sampler", options.Sampler == SamplerKind.Ddpm ? "ddpm" : "ddim")
            .Add("steps", options.Steps)
            .Add("guidance", options.Guidance)
            .Add("picture", picture)
            .Add("seconds", Math.Round(seconds, 2));
        result.Save(options.Out.Path, Name);
        RunReport.Write(options.Out.Path, $"Samples of {options.Checkpoint}");
        return result;
    }

    private static void Check(SampleOptions options, LatentDenoiser model)
    {
        if (!double.IsFinite(options.Guidance) || options.Guidance < 0)
        {
            throw new LdaeException(ErrorKind.Configuration, $"--guidance {options.Guidance} is not allowed: it takes a number 0 or more.", "Leave it out, or give 1.5.");
        }

        if (model.LabelColumns == 0 && (options.Guidance != 1 || options.Label is not null))
        {
            throw new LdaeException(
                ErrorKind.Configuration,
                $"{(options.Label is { } label ? $"--class {label}" : "--guidance")} is given, but the network of {options.Checkpoint} was trained with conditioning.class = "
                    + $"false.",
                "Leave it out, or give a checkpoint that was trained with conditioning.class=true.");
        }

        if (options.Label >= model.Recipe.Conditioning.Classes)
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"--class {options.Label} is not allowed: the network knows {model.Recipe.Conditioning.Classes} classes.",
                "Give a smaller number; the first class is 0.");
        }
    }

    /// <summary>Rows of equal length; the last is padded with grey.</summary>
    private static byte[][][] Rows(IReadOnlyList<byte[]> images, int across)
    {
        var columns = Math.Min(across, images.Count);
        var grey = Enumerable.Repeat((byte)0x80, images[0].Length).ToArray();
        return [.. images.Chunk(columns).Select(row => row.Concat(Enumerable.Repeat(grey, columns - row.Length)).ToArray())];
    }
}

/// <summary>Options of sample.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder or a .safetensors file.</param>
/// <param name="Images">How many images.</param>
/// <param name="Sampler">The sampler.</param>
/// <param name="Steps">How many steps.</param>
/// <param name="Guidance">Weight of classifier-free guidance; 1 is none.</param>
/// <param name="Label">Class of every image; null for all classes in turn.</param>
/// <param name="Weights">Raw or averaged weights.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
internal sealed record SampleOptions(
    string Checkpoint,
    int Images,
    SamplerKind Sampler,
    int Steps,
    double Guidance,
    int? Label,
    ProbeWeights Weights,
    DeviceChoice Device,
    RunFolder Out,
    ulong Seed,
    int? Threads);
