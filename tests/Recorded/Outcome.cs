using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace LDaeCore.Tests.Recorded;

/// <summary>
/// What a training came to, read from the files that it wrote: the loss of each step, and a hash of the tensors that it ended with. It reads the files
/// itself, so that a change of the program's own readers cannot hide a change of its numbers.
/// </summary>
/// <param name="Losses">The loss of each step, with all digits.</param>
/// <param name="Parameters">SHA-256 over names and bytes of all tensors in the order of their names; the metadata do not count.</param>
internal sealed record Outcome(double[] Losses, string Parameters)
{
    /// <summary>The outcome of a run folder: its metrics and its newest checkpoint.</summary>
    public static Outcome OfRun(string folder)
    {
        var losses = File.ReadLines(Path.Combine(folder, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("loss").GetDouble());
        var newest = Directory.GetDirectories(Path.Combine(folder, "checkpoints"), "step-*").Order(StringComparer.Ordinal).Last();
        return new Outcome([.. losses], Hash(Path.Combine(newest, "model.safetensors")));
    }

    /// <summary>The outcome of a tokenizer's training: the loss that its command reports for the last step, and the finished file.</summary>
    public static Outcome OfTokenizer(JsonElement result, string folder) =>
        new([result.GetProperty("loss").GetDouble()], Hash(Path.Combine(folder, "tokenizer.safetensors")));

    /// <summary>The hash of a safetensors file's tensors.</summary>
    public static string Hash(string path)
    {
        var content = File.ReadAllBytes(path);
        var header = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(content);
        using var json = JsonDocument.Parse(content.AsMemory(8..header));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var tensors = json.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__");
        foreach (var tensor in tensors.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            var offsets = tensor.Value.GetProperty("data_offsets");
            var (from, to) = (header + offsets[0].GetInt32(), header + offsets[1].GetInt32());
            hash.AppendData(Encoding.UTF8.GetBytes(tensor.Name));
            hash.AppendData(content.AsSpan(from..to));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
