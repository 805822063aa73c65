using System.CommandLine;
using System.Globalization;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae inspect</c>: says what is in a run, a checkpoint, a safetensors file or a data set.</summary>
internal static class InspectCommand
{
    public const string Name = "inspect";

    public static RunnerCommand Create(RunnerHost host)
    {
        var path = new Argument<string>("PATH") { Description = "A run folder, a checkpoint folder, a .safetensors file, or a data set as --data takes it." };
        var command = new RunnerCommand(
            Name,
            "Says what is in a run, a checkpoint, a safetensors file or a data set.",
            "runs/tiny",
            "runs/tiny/checkpoints/step-00001000/model.safetensors --json",
            "cifar10:DIR")
        {
            path,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            return Run(new InspectOptions(parse.GetRequiredValue(path)), context);
        }));
        return command;
    }

    /// <summary>Does the work.</summary>
    public static CommandResult Run(InspectOptions options, RunnerContext context)
    {
        var result = new CommandResult().Add("command", Name).Add("path", options.Path);
        return File.Exists(options.Path) || Directory.Exists(options.Path) ? Model(options.Path, result, context) : Data(options.Path, result, context);
    }

    private static CommandResult Model(string path, CommandResult result, RunnerContext context)
    {
        using var file = SafetensorsFile.Open(TrainingCheckpoint.Locate(path));
        context.Output.Line(file.Path);
        foreach (var entry in file.Entries)
        {
            context.Output.Line(string.Create(CultureInfo.InvariantCulture, $"  {entry.Name,-40} {entry.DType,-5} [{string.Join(", ", entry.Shape)}]"));
        }

        var values = file.Entries.Sum(e => e.Count);
        context.Output.Line(string.Create(CultureInfo.InvariantCulture, $"{file.Entries.Count} tensors, {values:N0} values"));
        result.Add("file", file.Path).Add("tensors", file.Entries.Count).Add("values", values);
        foreach (var (key, value) in file.Metadata)
        {
            context.Output.Line($"{key}: {value}");
        }

        return file.Metadata.ContainsKey("recipe") ? result.Add("recipe", writer => RecipeJson.WriteTo(writer, TrainingCheckpoint.RecipeOf(file))) : result;
    }

    private static CommandResult Data(string specification, CommandResult result, RunnerContext context)
    {
        if (!specification.Contains(':', StringComparison.Ordinal) && specification != "synthetic")
        {
            throw new LdaeException(ErrorKind.Data, $"{specification} does not exist.", "Give a run folder, a checkpoint folder, a safetensors file, or a data set such as cifar10:DIR.");
        }

        foreach (var train in (bool[])[true, false])
        {
            var split = train ? "train" : "test";
            IImageSource source;
            try
            {
                source = ImageSourceFactory.Open(specification, train, 32, 0);
            }
            catch (LdaeException error) when (!train && error.Kind == ErrorKind.Data)
            {
                // A data set without a test split can still be trained on.
                context.Output.Line($"{split}: {error.Message}");
                continue;
            }

            var counts = new int[source.ClassNames.Count];
            for (var i = 0; i < source.Count; i++)
            {
                counts[source.Label(i)]++;
            }

            context.Output.Line($"{split}: {source.Count} images, {source.ClassNames.Count} classes");
            for (var c = 0; c < counts.Length; c++)
            {
                context.Output.Line($"  {source.ClassNames[c],-20} {counts[c]}");
            }

            var first = source.Decode(0);
            result.Add($"{split}_images", source.Count).Add($"{split}_size", $"{first.Width}x{first.Height}").Add($"{split}_classes", source.ClassNames.Count);
        }

        return result;
    }
}
