using System.Diagnostics;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Networks;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae export</c>: writes a trained encoder for other programs.</summary>
internal static class ExportCommand
{
    public const string Name = "export";

    public static RunnerCommand Create(RunnerHost host)
    {
        var (checkpoint, @out, threads) = (SharedOptions.RequiredCheckpoint(), SharedOptions.Out(), SharedOptions.Threads());
        var format = SharedOptions.OneOf("--format", "Format of the encoder; timm when left out", "timm", "onnx");
        var block = SharedOptions.Whole("--block", "Last block that is kept, from 1; 0 is the encoder's last.", 0);
        var time = SharedOptions.Whole("--time", "Level of noise at which the conditioning is folded into the weights; the run's probe.time when left out.", 0);
        var input = SharedOptions.OneOf(
            "--input", "What the encoder sees, the run's probe.input when left out; pca folds the projection into the patch embedding", "original", "pca");
        var weights = SharedOptions.OneOf("--weights", "Which weights are written; the run's probe.weights when left out", "raw", "ema");
        var vit = new VitOptions();
        var command = new RunnerCommand(
            Name,
            "Writes a trained encoder for other programs.",
            "--checkpoint runs/tiny --format timm --out encoder",
            "--checkpoint runs/tiny --format onnx --out encoder-onnx",
            "--checkpoint runs/tiny --block 3 --time 50 --weights ema --input pca")
        {
            checkpoint, format, @out, block, time, input, weights, vit.Pooling, threads,
        };
        command.SetAction(parse => host.Execute(Name, parse, context => Run(
            new ExportOptions(
                parse.GetRequiredValue(checkpoint),
                parse.GetValue(format) == "onnx" ? ExportFormat.Onnx : ExportFormat.Timm,
                SharedOptions.Assignments(
                    ("probe.block", parse.GetValue(block)), ("probe.time", parse.GetValue(time)), ("probe.input", parse.GetValue(input)),
                    ("probe.weights", parse.GetValue(weights))),
                vit.Known(parse),
                RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time),
                parse.GetValue(threads)),
            context)));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(ExportOptions options, RunnerContext context)
    {
        var start = Stopwatch.GetTimestamp();
        using var opened = OpenedEncoder.Open(options.Checkpoint, options.Overrides, options.Known, DeviceChoice.Resolve("cpu"), options.Threads);
        var weights = opened.Encoder.ToVit();
        options.Out.Create();
        var file = Write(options, weights);
        var features = SampleFeatures.Write(Path.Combine(options.Out.Path, SampleFeatures.FileName), opened.Encoder);
        var parameters = weights.Values.Values.Sum(v => (long)v.Length);
        var vit = weights.Configuration;
        context.Output.Line(
            $"A ViT of {Wording.Count(vit.Depth, "block")}, width {vit.Width}, images of {vit.ImageSize} pixels: {parameters} values in {options.Out.Path}. Features of "
                + $"{Wording.Count(SampleFeatures.Images, "image")} to compare with are in {features}.");
        return opened.Describe(new CommandResult()
                .Add("command", Name)
                .Add("run", options.Out.Path)
                .Add("checkpoint", options.Checkpoint)
                .Add("format", options.Format == ExportFormat.Onnx ? "onnx" : "timm"))
            .Add("file", file)
            .Add("sample", features)
            .Add("parameters", parameters)
            .Add("seconds", Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2));
    }

    private static string Write(ExportOptions options, VitWeights weights)
    {
        if (options.Format == ExportFormat.Timm)
        {
            TimmFolder.Write(options.Out.Path, weights);
            return Path.Combine(options.Out.Path, TimmFolder.ModelFile);
        }

        var file = Path.Combine(options.Out.Path, OnnxFile.FileName);
        OnnxFile.Write(file, weights);
        return file;
    }
}

/// <summary>Options of export.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder, a .safetensors file, or an imported encoder.</param>
/// <param name="Format">The format.</param>
/// <param name="Overrides">Assignments that choose a run's encoder, each "key=value".</param>
/// <param name="Known">Options for a foreign encoder.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
internal sealed record ExportOptions(string Checkpoint, ExportFormat Format, IReadOnlyList<string> Overrides, VitReadOptions Known, RunFolder Out, int? Threads);

/// <summary>Formats of an exported encoder.</summary>
internal enum ExportFormat
{
    /// <summary>A folder that timm's VisionTransformer loads.</summary>
    Timm,

    /// <summary>One ONNX file.</summary>
    Onnx,
}
