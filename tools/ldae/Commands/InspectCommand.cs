using System.CommandLine;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae inspect</c>: describes a run, a checkpoint, a safetensors file or a data set.</summary>
internal static class InspectCommand
{
    public const string Name = "inspect";

    public static RunnerCommand Create(RunnerHost host)
    {
        var path = new Argument<string>("PATH")
        {
            Description = "A run, its checkpoints, one of them, a .safetensors file, a recipe, a folder or .bin file of images, or a data set as --data takes it.",
        };
        var command = new RunnerCommand(
            Name,
            "Describes a run, a checkpoint, a safetensors file or a data set.",
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

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(InspectOptions options, RunnerContext context)
    {
        var path = options.Path;
        var inspection = new Inspection(new CommandResult().Add("command", Name).Add("path", path), context.Output.Line);
        if (Directory.Exists(path))
        {
            return inspection.Folder(path);
        }

        return File.Exists(path) ? inspection.SingleFile(path)
            : path.Contains(':', StringComparison.Ordinal) || path == "synthetic" ? inspection.Data(path)
            : throw new LdaeException(
                ErrorKind.Data, $"{path} does not exist.", "Give a run folder, a checkpoint folder, a safetensors file, or a data set such as cifar10:DIR.");
    }
}

/// <summary>Options of inspect.</summary>
/// <param name="Path">A run, a checkpoint, a safetensors file, or a data set as --data takes it.</param>
internal sealed record InspectOptions(
    string Path);
