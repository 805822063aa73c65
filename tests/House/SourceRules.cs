using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LDaeCore.Tests.House;

/// <summary>Rules for every C# file. Each takes a path and a text and yields one message per violation.</summary>
internal static partial class SourceRules
{
    public const int MaxLines = 450;
    public const string InteropFolder = "engine/Interop/";

    /// <summary>Longest line, as .editorconfig has it.</summary>
    public static int MaxColumns { get; } = int.Parse(
        MaxLineLength().Match(RepositoryFiles.Read(".editorconfig")).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);

    // The resolver, the library it builds, the name as an enum and on the command line.
    private static readonly string[] EmulatorFiles =
        ["engine/Interop/NativeLibraries.cs", "engine/Interop/EmulatorLibrary.cs", "engine/Tensors/IDeviceMemory.cs", "tools/ldae/DeviceChoice.cs"];

    /// <summary>Imported functions, loaded libraries and unmanaged function pointers outside of engine/Interop.</summary>
    public static IEnumerable<string> NativeImports(string path, string source) => path.StartsWith(InteropFolder, StringComparison.Ordinal)
        ? []
        : Root(source).DescendantNodes()
            .Select(node => (node, name: node switch
            {
                AttributeSyntax attribute => NativeAttribute().Match(attribute.Name.ToString()).Value,
                IdentifierNameSyntax { Identifier.Text: "NativeLibrary" } => "NativeLibrary",
                FunctionPointerTypeSyntax { CallingConvention.ManagedOrUnmanagedKeyword.RawKind: (int)SyntaxKind.UnmanagedKeyword } => "delegate* unmanaged",
                _ => "",
            }))
            .Where(found => found.name.Length > 0)
            .Select(found => $"{path}:{Line(found.node.GetLocation())}: {found.name} outside {InteropFolder}");

    /// <summary>Names of the emulated device in code that must treat it like a GPU.</summary>
    public static IEnumerable<string> EmulatorNamed(string path, string source) => EmulatorFiles.Contains(path)
        ? []
        : Root(source).DescendantTokens()
            .Where(token => token.IsKind(SyntaxKind.IdentifierToken) && EmulatorName().IsMatch(token.Text))
            .Select(token => $"{path}:{Line(token.GetLocation())}: {token.Text}: the emulated device is the CUDA backend, unchanged");

    public static IEnumerable<string> VagueNames(string path, string source) => Types(source)
        .Where(type => VagueName().IsMatch(type.Text))
        .Select(type => $"{path}:{Line(type.GetLocation())}: {type.Text} does not say what it is");

    public static IEnumerable<string> Length(string path, string source)
    {
        var lines = source.TrimEnd().Split('\n');
        var wide = lines.Index().Where(line => line.Item.Length > MaxColumns).Select(line => $"{path}:{line.Index + 1}: {line.Item.Length} columns, at most {MaxColumns}");
        return lines.Length > MaxLines ? wide.Append($"{path}: {lines.Length} lines, at most {MaxLines}") : wide;
    }

    /// <summary>Names of the types that a file declares.</summary>
    public static IEnumerable<SyntaxToken> Types(string source) => Root(source).DescendantNodes()
        .Select(node => node switch
        {
            BaseTypeDeclarationSyntax type => type.Identifier,
            DelegateDeclarationSyntax type => type.Identifier,
            _ => default,
        })
        .Where(name => name != default);

    private static SyntaxNode Root(string source) => CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Preview)).GetRoot();

    private static int Line(Location location) => location.GetLineSpan().StartLinePosition.Line + 1;

    [GeneratedRegex(@"(DllImport|LibraryImport)(?=(Attribute)?$)")]
    private static partial Regex NativeAttribute();

    [GeneratedRegex("[Ee]mulat(ed|or)")]
    private static partial Regex EmulatorName();

    [GeneratedRegex("(Manager|Helper|Util|Utilitie|Utility)s?$")]
    private static partial Regex VagueName();

    [GeneratedRegex(@"max_line_length = (\d+)")]
    private static partial Regex MaxLineLength();
}
