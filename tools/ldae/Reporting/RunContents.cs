using System.Text;
using System.Text.Json;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner.Reporting;

/// <summary>
/// The content of a command's output folder, for pages. The folder may be written at the same time and is not trusted: files that are
/// missing, broken or too large are omitted, and links are not followed, so that nothing outside the folder gets into a page.
/// </summary>
internal sealed class RunContents
{
    private const int MostBytes = 64 << 20;
    private const string CommandMark = "$ ", ErrorMark = "error: ";
    private static readonly byte[] PngSignature = [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">The folder; need not exist.</param>
    public RunContents(string folder)
    {
        Folder = folder;
        Config = Text(RunFiles.Config);
        Recipe = ParseRecipe(Config);
        Data = Object(Path.Combine(folder, "data.json")) is { } data && data.TryGetProperty("data", out var name) ? name.ToString() : null;
        Metrics = RunMetrics.Read(Lines(RunFiles.Metrics));
        Results = [.. Files(RunReport.Results, "*.json").Select(path => (Path.GetFileNameWithoutExtension(path), Values: Object(path)))
            .Where(result => result.Values is not null).Select(result => (result.Item1, result.Values!.Value))];
        Pictures = [.. Files(RunFiles.Pictures, "*.png").Select(path => (Path.GetFileNameWithoutExtension(path), Png: Bytes(path) ?? []))
            .Where(picture => IsPng(picture.Png))];
        var log = Lines(RunFiles.Log);
        Commands = [.. log.Where(line => line.StartsWith(CommandMark, StringComparison.Ordinal)).Select(line => line[CommandMark.Length..]).Distinct()];
        var last = Array.FindLastIndex(log, line => line.StartsWith(CommandMark, StringComparison.Ordinal));
        Error = log.Skip(last + 1).LastOrDefault(line => line.StartsWith(ErrorMark, StringComparison.Ordinal))?[ErrorMark.Length..];
    }

    /// <summary>The folder's path as given.</summary>
    public string Folder { get; }

    /// <summary>The folder's own name.</summary>
    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Folder)));

    /// <summary>The recipe; null where it cannot be read.</summary>
    public Recipe? Recipe { get; }

    /// <summary>The text of the recipe's file; null without one.</summary>
    public string? Config { get; }

    /// <summary>The images that a run was started with; null where they are not recorded.</summary>
    public string? Data { get; }

    /// <summary>The command lines that wrote here, in order.</summary>
    public IReadOnlyList<string> Commands { get; }

    /// <summary>The error that ended the last command here; null without one.</summary>
    public string? Error { get; }

    /// <summary>The metrics.</summary>
    public RunMetrics Metrics { get; }

    /// <summary>Result objects of commands, by the names of their files.</summary>
    public IReadOnlyList<(string Name, JsonElement Values)> Results { get; }

    /// <summary>PNG pictures by name.</summary>
    public IReadOnlyList<(string Name, byte[] Png)> Pictures { get; }

    /// <summary>Whether a tokenizer, and no network, was trained here.</summary>
    public bool IsTokenizer =>
        Results.Any(result => result.Name == TrainingCommands.Tokenizer) || Commands.Any(line => line.StartsWith("ldae tokenizer ", StringComparison.Ordinal));

    /// <summary>Whether a network was or is trained here.</summary>
    public bool IsTraining => Config is not null && !IsTokenizer;

    /// <summary>The main result of the folder: of the training, else the first; null where there is none.</summary>
    public JsonElement? Main =>
        Results.Where(result => TrainingCommands.Main.Contains(result.Name)).Concat(Results).Select(result => (JsonElement?)result.Values).FirstOrDefault();

    /// <summary>A figure; null where it is missing.</summary>
    /// <param name="name">One of the names of <see cref="FigureFiles"/>.</param>
    public JsonElement? Figure(string name) => IsInside(RunFiles.Figures) ? Object(FigureFiles.PathOf(Folder, name)) : null;

    /// <summary>A number of a result object; null where it has none of that name.</summary>
    public static double? Number(JsonElement values, string name) =>
        values.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    /// <summary>A picture in a figure as a data URI; null where it is not a PNG.</summary>
    public static byte[]? Png(JsonElement value) => value.ValueKind == JsonValueKind.String && value.TryGetBytesFromBase64(out var bytes) && IsPng(bytes) ? bytes : null;

    private static bool IsPng(byte[] bytes) => bytes.AsSpan().StartsWith(PngSignature);

    private static Recipe? ParseRecipe(string? text)
    {
        try
        {
            return text is null ? null : RecipeJson.Read(text);
        }
        catch (LdaeException)
        {
            return null;
        }
    }

    private string? Text(string name) => Bytes(Path.Combine(Folder, name)) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    private string[] Lines(string name) => Text(name)?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static JsonElement? Object(string path)
    {
        try
        {
            if (Bytes(path) is not { } bytes)
            {
                return null;
            }

            using var json = JsonDocument.Parse(bytes);
            return json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private string[] Files(string folder, string pattern)
    {
        try
        {
            return IsInside(folder) ? [.. Directory.GetFiles(Path.Combine(Folder, folder), pattern).Order(StringComparer.Ordinal)] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether a folder of the run exists and is not a link.</summary>
    private bool IsInside(string folder) => new DirectoryInfo(Path.Combine(Folder, folder)) is { Exists: true, LinkTarget: null };

    private static byte[]? Bytes(string path)
    {
        try
        {
            if (new FileInfo(path) is not { Exists: true, LinkTarget: null, Length: <= MostBytes })
            {
                return null;
            }

            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[file.Length];
            return bytes.AsSpan(0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)).ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Names under which training commands keep their results.</summary>
    private static class TrainingCommands
    {
        public const string Tokenizer = Runner.Commands.TokenizerCommand.Name;

        public static readonly string[] Main = [Runner.Commands.DemoCommand.Name, Runner.Commands.PretrainCommand.Name, Tokenizer];
    }
}
