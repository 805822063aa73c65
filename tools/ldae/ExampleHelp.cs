using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>The help of System.CommandLine, then presets and fields for a command with a recipe, exit codes and examples.</summary>
internal sealed class ExampleHelp(HelpAction help) : SynchronousCommandLineAction
{
    private static readonly string[] RootExamples = ["ldae demo", "ldae pretrain --preset cifar-tiny --data cifar10:DIR", "ldae doctor"];

    private static readonly (string Name, string Text)[] ExitTable =
    [
        ("0", "done"), ("1", "a failed run"), ("2", "a wrong usage or configuration"), ("3", "input data that are missing, broken or of the wrong kind"),
        ("4", "a device that is not available"), ("130", "interrupted, with a checkpoint saved"),
    ];

    private static readonly (string Name, string Text)[] Files =
    [
        (RunFiles.Config, "the recipe with every field written out; pretrain --config takes it"), (RunFiles.Metrics, "one JSON object a logged step"),
        (EventLog.Prefix + "*", "the same, pictures and the recipe for TensorBoard"),
        (RunFiles.Checkpoints + "/step-*/", "model.safetensors, optimizer.safetensors, state.json, manifest.json"), (RunFiles.Report, "curves and pictures in one page"),
        (RunFiles.Log, "what was printed"),
    ];

    private static readonly (string Name, string Text)[] Variables =
    [
        ("LDAE_CACHE", "folder of compiled kernels; the user's cache when not set"), ("LDAE_CUDA_PATH", "folder that is searched first for CUDA's libraries"),
        ("LDAE_ARENA", "guard: each tensor is an allocation of its own, for sanitizers"),
    ];

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        var writer = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command as RunnerCommand;
        if (command is { ListsFields: true })
        {
            WriteTable(writer, "Presets:", Presets.Names.Select(name => (name, Presets.Describe(name))));
            WriteTable(writer, "Fields (--set key=value, or a JSON file):", RecipeFields.All.Select(field => (field.Name, $"{field.Description}: {field.Allowed}")));
        }

        if (parseResult.CommandResult.Command is RootCommand)
        {
            WriteTable(writer, "Files of a run:", Files);
            WriteTable(writer, "Environment:", Variables);
        }

        WriteTable(writer, "Exit codes:", ExitTable);

        writer.WriteLine("Examples:");
        foreach (var example in ExamplesOf(parseResult.CommandResult.Command))
        {
            writer.WriteLine("  " + example);
        }

        return code;
    }

    /// <summary>A command's own examples; a group has those of its commands.</summary>
    private static IEnumerable<string> ExamplesOf(Command command) => command switch
    {
        RunnerCommand own => own.Examples,
        RootCommand => RootExamples,
        _ => command.Subcommands.SelectMany(ExamplesOf),
    };

    private static void WriteTable(TextWriter writer, string title, IEnumerable<(string Name, string Text)> rows)
    {
        var all = rows.ToList();
        var width = all.Max(row => row.Name.Length);
        writer.WriteLine(title);
        foreach (var (name, text) in all)
        {
            writer.WriteLine($"  {name.PadRight(width)}  {text}");
        }

        writer.WriteLine();
    }
}
