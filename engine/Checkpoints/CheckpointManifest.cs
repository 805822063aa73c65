using System.Buffers;
using System.Text.Json;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>The files of a checkpoint. It is written last, so that its presence proves that all files are complete.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Files">Name, length and SHA-256 (lower-case hexadecimal) of each file.</param>
internal sealed record CheckpointManifest(long Step, IReadOnlyList<(string Name, long Bytes, string Sha256)> Files)
{
    /// <summary>Name of the manifest in a checkpoint's folder.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Longest manifest read: some hundred thousand files.</summary>
    private const long MaxBytes = 16 << 20;

    /// <summary>What to do about a broken checkpoint.</summary>
    public const string Remedy = "Delete this checkpoint folder and resume from an earlier one, or copy it again.";

    /// <summary>The manifest as JSON.</summary>
    /// <returns>UTF-8 text.</returns>
    public ReadOnlyMemory<byte> ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("step", Step);
            json.WriteStartArray("files");
            foreach (var (name, bytes, sha256) in Files)
            {
                json.WriteStartObject();
                json.WriteString("name", name);
                json.WriteNumber("bytes", bytes);
                json.WriteString("sha256", sha256);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    /// <summary>Reads the manifest of a folder.</summary>
    /// <param name="folder">A checkpoint's folder.</param>
    /// <returns>The manifest.</returns>
    /// <exception cref="LdaeException">Data: missing or not a manifest.</exception>
    public static CheckpointManifest Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var length = new FileInfo(path).Length;
            if (length > MaxBytes)
            {
                throw Bad($"{path} has {length} bytes, more than a manifest can have ({MaxBytes})");
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 4 });
            var root = document.RootElement;
            var files = root.GetProperty("files").EnumerateArray().Select(f => (
                PlainName(path, f.GetProperty("name").GetString()),
                f.GetProperty("bytes").GetInt64(),
                f.GetProperty("sha256").GetString() ?? throw Bad($"{path} has a file without sha256"))).ToList();
            return new CheckpointManifest(root.GetProperty("step").GetInt64(), files);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Bad($"{folder} is not a complete checkpoint: it has no {FileName}", e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw Bad($"{path} is not a checkpoint manifest ({e.Message.TrimEnd('.')})", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad($"{path} cannot be read ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Whether a name stays inside its folder and is not the manifest's own.</summary>
    /// <param name="name">A file name.</param>
    /// <returns>True for a plain name.</returns>
    public static bool IsPlain(string? name) =>
        !string.IsNullOrEmpty(name) && name is not ("." or ".." or FileName) && name.AsSpan().IndexOfAny("/\\\0") < 0;

    /// <summary>The error of a broken checkpoint.</summary>
    /// <param name="what">What is wrong.</param>
    /// <param name="inner">The cause, when there is one.</param>
    /// <returns>The exception to throw.</returns>
    public static LdaeException Bad(string what, Exception? inner = null) => new(ErrorKind.Data, what + ".", Remedy, inner);

    private static string PlainName(string path, string? name) =>
        IsPlain(name) ? name! : throw Bad($"{path} names a file '{name}', which is not a plain file name");
}
