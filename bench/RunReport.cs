using System.Text.Json;
using System.Text.Json.Serialization;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Bench;

/// <summary>All that one run measured, with what it was measured on. The rivals' scripts write the same form.</summary>
internal sealed record RunReport
{
    private static readonly JsonSerializerOptions Form = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Version of the form.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Who measured.</summary>
    public required string Program { get; init; }

    /// <summary>On which device.</summary>
    public required string Device { get; init; }

    /// <summary>Threads, on a processor.</summary>
    public int? Threads { get; init; }

    /// <summary>The rows in the order in which they were measured.</summary>
    public required IReadOnlyList<ResultRow> Rows { get; init; }

    /// <summary>Reads a report.</summary>
    /// <param name="path">File.</param>
    /// <exception cref="LdaeException">Data: missing, or no report.</exception>
    public static RunReport Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RunReport>(File.ReadAllText(path), Form) ?? throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new LdaeException(ErrorKind.Data, $"{path}: not a report of bench ({e.Message}).", "Give a results.json that bench or a rival's script wrote.", e);
        }
    }

    /// <summary>Writes the report.</summary>
    /// <param name="path">File.</param>
    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Form));

    /// <summary>The same report with a rival's times beside its own.</summary>
    /// <param name="rival">The rival's report.</param>
    /// <exception cref="LdaeException">Data: both trained a network under one name, and its numbers of parameters differ.</exception>
    public RunReport Beside(RunReport rival)
    {
        var known = rival.Rows.ToDictionary(row => (row.Name, row.Pass));
        return this with { Rows = [.. Rows.Select(row => known.TryGetValue((row.Name, row.Pass), out var other) ? Beside(row, other, rival.Program) : row)] };
    }

    private static ResultRow Beside(ResultRow row, ResultRow other, string program)
    {
        if (row.Parameters is { } ours && other.Parameters is { } theirs && ours != theirs)
        {
            throw new LdaeException(
                ErrorKind.Data, $"{row.Name}: ours has {ours:N0} parameters and that of {program} {theirs:N0}: not the same work.", "Run the rival with the same options.");
        }

        return row with { Rival = program, RivalS = other.ImagesPerSecond is { } speed && row.ImagesPerSecond is { } own ? row.MedianS * own / speed : other.MedianS };
    }
}
