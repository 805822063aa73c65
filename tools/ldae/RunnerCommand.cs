using System.CommandLine;

namespace LDaeCore.Runner;

/// <summary>A command whose help closes with examples.</summary>
/// <param name="name">The command's name.</param>
/// <param name="description">What it does.</param>
/// <param name="examples">Command lines, without the program's and the command's names.</param>
internal sealed class RunnerCommand(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Command lines to copy.</summary>
    public IReadOnlyList<string> Examples { get; init; } = [.. examples.Select(example => $"ldae {name} {example}".TrimEnd())];

    /// <summary>Whether its help lists the fields of a recipe.</summary>
    public bool ListsFields { get; init; }
}
