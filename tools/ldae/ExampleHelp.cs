using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>The help of System.CommandLine, then presets and fields where a command takes a recipe, then examples.</summary>
internal sealed class ExampleHelp(HelpAction inner) : SynchronousCommandLineAction
{
    private static readonly string[] RootExamples = ["ldae demo", "ldae pretrain --preset cifar-tiny --data cifar10:DIR", "ldae doctor"];

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var code = inner.Invoke(parseResult);
        var writer = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command as RunnerCommand;
        if (command is { ListsFields: true })
        {
            WriteTable(writer, "Presets:", Presets.Names.Select(name => (name, Presets.Describe(name))));
            WriteTable(writer, "Fields (--set key=value, or a JSON file):", RecipeFields.All.Select(field => (field.Name, $"{field.Description}: {field.Allowed}")));
        }

        writer.WriteLine("Examples:");
        foreach (var example in command?.Examples ?? RootExamples)
        {
            writer.WriteLine("  " + example);
        }

        return code;
    }

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
