using System.Reflection;
using System.Text.RegularExpressions;

namespace LDaeCore.Engine.Interop;

/// <summary>The CUDA sources that travel inside the engine's assembly, by their path below <c>kernels/</c>.</summary>
internal static partial class KernelSources
{
    private const string Prefix = "kernels/";

    private static readonly Lazy<SortedDictionary<string, string>> Texts = new(Load);

    /// <summary>All sources in order of their names: <c>layernorm.cu</c>, <c>common/vector.cuh</c>, <c>emulator/fibers.cpp</c>.</summary>
    public static IEnumerable<(string Name, string Text)> All => Texts.Value.Select(pair => (pair.Key, pair.Value));

    /// <summary>The families: sources with kernels in them, without their ending.</summary>
    public static IEnumerable<string> Families => Texts.Value.Keys
        .Where(name => name.EndsWith(".cu", StringComparison.Ordinal) && !name.Contains('/'))
        .Select(name => name[..^".cu".Length]);

    /// <summary>The text of a family.</summary>
    /// <param name="family">Name without ending.</param>
    public static string Family(string family) => Texts.Value.TryGetValue(family + ".cu", out var text)
        ? text
        : throw new ArgumentException($"There is no kernels/{family}.cu.", nameof(family));

    /// <summary>The names of the kernels in a source: extern "C" __global__ functions, declared on one line up to the parenthesis.</summary>
    /// <param name="source">The text of a .cu file.</param>
    public static IEnumerable<string> Entries(string source) => EntryPoint().Matches(source).Select(match => match.Groups["name"].Value);

    /// <summary>
    /// The headers that a source includes, directly or through others, by the name in the directive, in the order in which they are
    /// first met. An include that no embedded source answers is left to the compiler to complain about.
    /// </summary>
    /// <param name="source">The text of a .cu file.</param>
    public static IReadOnlyList<(string Name, string Text)> Headers(string source)
    {
        var found = new List<(string Name, string Text)>();
        Collect(source, found);
        return found;
    }

    private static void Collect(string text, List<(string Name, string Text)> found)
    {
        foreach (Match match in Include().Matches(text))
        {
            var name = match.Groups["name"].Value;
            if (found.TrueForAll(header => header.Name != name) && Texts.Value.TryGetValue(name, out var header))
            {
                found.Add((name, header));
                Collect(header, found);
            }
        }
    }

    private static SortedDictionary<string, string> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            texts.Add(resource[Prefix.Length..].Replace('\\', '/'), reader.ReadToEnd());
        }

        return texts;
    }

    [GeneratedRegex("""^\s*#\s*include\s+"(?<name>[^"]+)" *""", RegexOptions.Multiline)]
    private static partial Regex Include();

    [GeneratedRegex("""extern\s+"C"\s+__global__\s+void\s+(__launch_bounds__\s*\([^)]*\)\s*)?(?<name>\w+)\s*\(""")]
    private static partial Regex EntryPoint();
}
