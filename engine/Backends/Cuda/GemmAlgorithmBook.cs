using System.Runtime.InteropServices;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Which algorithm a product of a shape runs by, for a GPU and a version of cuBLASLt: text, one choice a line, its key, a tab and the
/// algorithm's bytes in hexadecimal. A run keeps its book in its folder, so that a resumed run computes the same bits.
/// </summary>
internal sealed class GemmAlgorithmBook
{
    private readonly SortedDictionary<string, string> _choices = new(StringComparer.Ordinal);

    /// <summary>Number of choices.</summary>
    public int Count => _choices.Count;

    /// <summary>A choice made before.</summary>
    /// <param name="key">GPU, version and shape.</param>
    public CublasLtAlgorithm? Find(string key)
    {
        if (!_choices.TryGetValue(key, out var text))
        {
            return null;
        }

        var algorithm = default(CublasLtAlgorithm);
        Convert.FromHexString(text).CopyTo(MemoryMarshal.AsBytes((Span<ulong>)algorithm));
        return algorithm;
    }

    /// <summary>Adds or replaces a choice.</summary>
    public void Add(string key, CublasLtAlgorithm algorithm) =>
        _choices[key] = Convert.ToHexStringLower(MemoryMarshal.AsBytes((ReadOnlySpan<ulong>)algorithm));

    /// <summary>Adds the choices in a file; lines that are no choice are passed over. A missing file holds none.</summary>
    /// <param name="file">Path.</param>
    public void Read(string file)
    {
        if (!File.Exists(file))
        {
            return;
        }

        const int Digits = 2 * 8 * sizeof(ulong);
        foreach (var line in File.ReadLines(file))
        {
            if (line.Split('\t') is [var key, { Length: Digits } text] && text.All(char.IsAsciiHexDigit))
            {
                _choices[key] = text;
            }
        }
    }

    /// <summary>Writes all choices, by atomic rename.</summary>
    /// <param name="file">Path.</param>
    public void Write(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var fresh = $"{file}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        File.WriteAllLines(fresh, _choices.Select(choice => $"{choice.Key}\t{choice.Value}"));
        File.Move(fresh, file, overwrite: true);
    }
}
