using System.Text.Json;
using LDaeCore.Runner;

namespace LDaeCore.Tests.Runner;

/// <summary>One invocation in this process, and what it left.</summary>
internal sealed record CommandLine(int ExitCode, string Result, string Human)
{
    /// <summary>The last line of standard output, as the object it must be.</summary>
    public JsonElement Json => JsonDocument.Parse(Result.TrimEnd('\n').Split('\n')[^1]).RootElement;

    public static CommandLine Run(params string[] args)
    {
        using var result = new StringWriter();
        using var human = new StringWriter();
        var code = Program.Run(args, result, human);
        return new CommandLine(code, result.ToString(), human.ToString());
    }

    /// <summary>A part of the error object.</summary>
    public string Error(string name) => Json.GetProperty("error").GetProperty(name).GetString()!;
}
