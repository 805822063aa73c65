using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>
/// The result of a command as an ordered list of names and values: the one JSON object that <c>--json</c> prints. Names may be
/// added over time, never renamed. A number that is not finite is written as null.
/// </summary>
internal sealed class CommandResult
{
    // The object goes to a terminal or a file, never into a page: quotes and plus signs need no escapes.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<(string Name, Action<Utf8JsonWriter> Write)> _values = [];

    /// <summary>The exit code of the process; not 0 when the command was interrupted.</summary>
    public int ExitCode { get; init; }

    public CommandResult Add(string name, string? value) => Add(name, writer => writer.WriteStringValue(value));

    public CommandResult Add(string name, long value) => Add(name, writer => writer.WriteNumberValue(value));

    public CommandResult Add(string name, bool value) => Add(name, writer => writer.WriteBooleanValue(value));

    public CommandResult Add(string name, double value) => Add(name, writer =>
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteNullValue();
        }
    });

    public CommandResult Add(string name, CommandResult value) => Add(name, value.Write);

    public CommandResult Add(string name, IEnumerable<string> values) => Add(name, writer =>
    {
        writer.WriteStartArray();
        foreach (var value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    });

    public CommandResult Add(string name, IEnumerable<CommandResult> values) => Add(name, writer =>
    {
        writer.WriteStartArray();
        foreach (var value in values)
        {
            value.Write(writer);
        }

        writer.WriteEndArray();
    });

    /// <summary>Adds any other value: the action writes exactly one JSON value.</summary>
    public CommandResult Add(string name, Action<Utf8JsonWriter> write)
    {
        if (_values.Exists(value => value.Name == name))
        {
            throw new ArgumentException($"The result already has '{name}'.", nameof(name));
        }

        _values.Add((name, write));
        return this;
    }

    /// <summary>The object on one line.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Readable))
        {
            Write(writer);
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>The result of a failure: command and error.</summary>
    public static CommandResult OfError(string? command, string kind, string message, string remedy) => new CommandResult()
        .Add("command", command)
        .Add("error", new CommandResult().Add("kind", kind).Add("message", message).Add("remedy", remedy));

    /// <summary>Writes the object to a file in a folder, for the run's report.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="name">The file's name without its extension.</param>
    public void Save(string folder, string name)
    {
        Directory.CreateDirectory(Path.Combine(folder, RunReport.Results));
        AtomicFile.WriteText(PathOf(folder, name), ToJson());
    }

    /// <summary>Whether a folder holds a saved object of that name.</summary>
    public static bool IsSaved(string folder, string name) => File.Exists(PathOf(folder, name));

    /// <summary>A number of a saved object; null where there is no such object or number.</summary>
    public static double? ReadNumber(string folder, string name, string field)
    {
        if (!IsSaved(folder, name))
        {
            return null;
        }

        using var json = JsonDocument.Parse(File.ReadAllBytes(PathOf(folder, name)));
        return json.RootElement.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
    }

    private static string PathOf(string folder, string name) => Path.Combine(folder, RunReport.Results, name + ".json");

    private void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (var (name, write) in _values)
        {
            writer.WritePropertyName(name);
            write(writer);
        }

        writer.WriteEndObject();
    }
}
