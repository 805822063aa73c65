using System.Text.RegularExpressions;

namespace LDaeCore.Tests.House;

/// <summary>What holds for every C# file. Each rule takes a path and a text and yields one message per violation.</summary>
internal static partial class SourceRules
{
    /// <summary>Longest C# file, in lines.</summary>
    public const int MaxLines = 450;

    /// <summary>The only folder that may bind native functions.</summary>
    public const string InteropFolder = "engine/Interop/";

    // The resolver, the library it builds, the name as an enum and on the command line.
    private static readonly string[] KnowTheEmulator =
        ["engine/Interop/NativeLibraries.cs", "engine/Interop/EmulatorLibrary.cs", "engine/Backends/DeviceKind.cs", "tools/ldae/DeviceChoice.cs"];

    public static IEnumerable<string> NativeImports(string path, string source) =>
        path.StartsWith(InteropFolder, StringComparison.Ordinal)
            ? []
            : NativeImport().Matches(SourceMask.CodeOf(source))
                .Select(match => $"{path}:{Line(source, match.Index)}: {match.Groups["name"].Value} outside {InteropFolder}");

    /// <summary>Code, not prose, that tells the emulated device from a GPU outside the places that have to know the name.</summary>
    public static IEnumerable<string> EmulatorNamed(string path, string source) =>
        KnowTheEmulator.Contains(path)
            ? []
            : EmulatorName().Matches(SourceMask.CodeOf(source))
                .Select(match => $"{path}:{Line(source, match.Index)}: {match.Value}: the emulated device is the CUDA backend, unchanged");

    public static IEnumerable<string> PublicTypes(string path, string source)
    {
        var names = TopLevelPublicTypes(source);
        return names.Count > 1 ? [$"{path}: public types {string.Join(", ", names)}; one file each"] : [];
    }

    public static IEnumerable<string> VagueNames(string path, string source) =>
        TypeDeclaration().Matches(SourceMask.CodeOf(source))
            .Where(match => VagueName().IsMatch(match.Groups["name"].Value))
            .Select(match => $"{path}:{Line(source, match.Index)}: {match.Groups["name"].Value} says not what it is");

    public static IEnumerable<string> Length(string path, string source)
    {
        var lines = source.AsSpan().TrimEnd().Count('\n') + 1;
        return lines > MaxLines ? [$"{path}: {lines} lines, at most {MaxLines}"] : [];
    }

    /// <summary>Names of the public types that stand outside any other type, each once, generic ones with their parameters.</summary>
    public static IReadOnlyList<string> TopLevelPublicTypes(string source)
    {
        // A block namespace's brace is not a nesting of types; its closing brace is the one too many.
        var code = BlockNamespace().Replace(SourceMask.CodeOf(source), match => match.Value.Replace('{', ' '));
        var names = new List<string>();
        int depth = 0, from = 0;
        foreach (Match match in TypeDeclaration().Matches(code))
        {
            for (; from < match.Index; from++)
            {
                depth = Math.Max(0, depth + (code[from] == '{' ? 1 : code[from] == '}' ? -1 : 0));
            }

            if (depth == 0 && match.Groups["modifiers"].Value.Split().Contains("public"))
            {
                names.Add(match.Groups["name"].Value + match.Groups["generic"].Value);
            }
        }

        return [.. names.Distinct()];
    }

    private static int Line(string source, int position) => source.AsSpan(0, position).Count('\n') + 1;

    [GeneratedRegex(@"\b(?<name>DllImport|LibraryImport)(Attribute)?\b|(?<name>\bNativeLibrary)\s*\.|(?<name>\bdelegate\s*\*\s*unmanaged\b)")]
    private static partial Regex NativeImport();

    [GeneratedRegex(@"\b(?<modifiers>((public|internal|private|protected|file|static|sealed|abstract|partial|readonly|ref|unsafe|new)\s+)*)(record\s+struct|record\s+class|class|struct|interface|enum|record|delegate\s+[\w.<>\[\]?,*]+)\s+(?<name>@?[A-Za-z_]\w*)(?<generic><[^<>]*>)?(?=\s*[<({;:]|\s+where\b)")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\b\w*[Ee]mulat(ed|or)\w*")]
    private static partial Regex EmulatorName();

    [GeneratedRegex(@"(Manager|Helper|Util|Utilitie|Utility)s?$")]
    private static partial Regex VagueName();

    [GeneratedRegex(@"\bnamespace\s+[\w.]+\s*\{")]
    private static partial Regex BlockNamespace();
}
