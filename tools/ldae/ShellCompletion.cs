using System.CommandLine;
using System.Globalization;

namespace LDaeCore.Runner;

/// <summary>A shell's request for completions: <c>ldae "[complete:POSITION]" "LINE"</c>.</summary>
/// <param name="Line">The line without the program's name.</param>
/// <param name="Place">Position of the cursor in it.</param>
internal sealed record ShellCompletion(string Line, int Place)
{
    private const string Open = "[complete:", Close = "]";

    /// <summary>The request, or null for other arguments.</summary>
    public static ShellCompletion? Asked(string[] args)
    {
        if (args is not [var directive, var line] || !directive.StartsWith(Open, StringComparison.Ordinal) || !directive.EndsWith(Close, StringComparison.Ordinal)
            || !int.TryParse(directive.AsSpan(Open.Length, directive.Length - Open.Length - Close.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var place))
        {
            return null;
        }

        var name = line.IndexOf(' ', StringComparison.Ordinal) + 1;
        return new ShellCompletion(line[name..], Math.Clamp(place - name, 0, line.Length - name));
    }

    /// <summary>The completions at the cursor.</summary>
    public IEnumerable<string> Words(RootCommand root)
    {
        var before = Line[..Place];
        var word = before[(before.LastIndexOf(' ') + 1)..];
        if (word.StartsWith("--", StringComparison.Ordinal) && word.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals)
        {
            // --option=value is --option value, except for the word that the shell completes.
            var apart = $"{before[..^word.Length]}{word[..equals]} {word[(equals + 1)..]}";
            return new ShellCompletion(apart, apart.Length).Words(root).Select(value => word[..(equals + 1)] + value);
        }

        var parse = root.Parse(before);

        // For a path, and after "folder:", the shell offers files when there is nothing else.
        var isPath = word.Length == 0 && parse.CommandResult.Command.Arguments.Count > 0;
        return parse.GetCompletions(Place)
            .Select(found => found.Label)
            .Where(
                label => label.StartsWith(word, StringComparison.Ordinal) && !label.StartsWith('/') && !(isPath && label.StartsWith('-')) && !(label == word && word.EndsWith(':')))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);
    }
}
