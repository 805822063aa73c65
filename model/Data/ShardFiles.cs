using System.Globalization;
using System.IO.Enumeration;
using System.Text.RegularExpressions;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>
/// The files of a pattern: <c>*</c> and <c>?</c> in any part of a path, and ranges such as <c>{000..127}</c>, of which every
/// file must exist. The splits of a data set differ in one word of the pattern: train, and val, validation or test.
/// </summary>
internal static partial class ShardFiles
{
    private const int MostFiles = 100_000;
    private const string Training = "train";
    private static readonly string[] Tests = ["validation", "val", "test"];

    /// <summary>Files of a split.</summary>
    /// <param name="pattern">The pattern of the training split.</param>
    /// <param name="train">The training split, or the one for tests.</param>
    /// <param name="remedy">The remedy of an error.</param>
    /// <returns>Paths in ordinal order.</returns>
    /// <exception cref="LdaeException">Data: no file, or one of a range is missing.</exception>
    public static string[] Find(string pattern, bool train, string remedy)
    {
        if (train)
        {
            return Sorted(Ranged(pattern, remedy).SelectMany(one => Matching(one, remedy)), pattern, remedy) is { Length: > 0 } found
                ? found
                : throw new LdaeException(ErrorKind.Data, $"{pattern}: no such file.", remedy);
        }

        // The other split may have another number of files, also in Hugging Face's "-00000-of-00042".
        var any = Total().Replace(Range().Replace(pattern, "*"), "-of-*");
        var word = any.LastIndexOf(Training, StringComparison.Ordinal);
        string[] candidates = word < 0
            ? []
            : [
                .. Tests.Select(test => string.Concat(any.AsSpan(0, word), test, any.AsSpan(word + Training.Length))),
                .. Tests.Select(test => any.Replace(Training, test, StringComparison.Ordinal))];
        return candidates.Select(candidate => Sorted(Matching(candidate, remedy), candidate, remedy)).FirstOrDefault(found => found.Length > 0)
            ?? throw new LdaeException(
                ErrorKind.Data, $"{pattern}: no test split; it is searched by the same pattern with validation, val or test instead of the last 'train', then of each.",
                remedy);
    }

    private static string[] Sorted(IEnumerable<string> paths, string pattern, string remedy)
    {
        string[] found = [.. paths.Take(MostFiles + 1).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return found.Length <= MostFiles ? found : throw new LdaeException(ErrorKind.Data, $"{pattern}: more than {MostFiles} files.", remedy);
    }

    private static IEnumerable<string> Ranged(string pattern, string remedy)
    {
        var range = Range().Match(pattern);
        if (!range.Success)
        {
            return [pattern];
        }

        var (from, to) = (range.Groups["from"].Value, range.Groups["to"].Value);
        var (first, last) = (int.Parse(from, CultureInfo.InvariantCulture), int.Parse(to, CultureInfo.InvariantCulture));
        if (last < first || last - first >= MostFiles)
        {
            throw new LdaeException(ErrorKind.Data, $"{pattern}: {range.Value} is not a range of up to {MostFiles} files.", remedy);
        }

        return Enumerable.Range(first, last - first + 1).SelectMany(number => Ranged(
            string.Concat(pattern.AsSpan(0, range.Index), number.ToString("D" + from.Length, CultureInfo.InvariantCulture), pattern.AsSpan(range.Index + range.Length)), remedy))
            .Select(path => path.AsSpan().ContainsAny('*', '?') || File.Exists(path) ? path : throw new LdaeException(ErrorKind.Data, $"{path}: no such file.", remedy));
    }

    private static IEnumerable<string> Matching(string pattern, string remedy)
    {
        if (!pattern.AsSpan().ContainsAny('*', '?'))
        {
            return File.Exists(pattern) ? [pattern] : [];
        }

        IEnumerable<string> folders = [Path.IsPathRooted(pattern) ? "/" : ""];
        var parts = pattern.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            var (part, last) = (parts[i], i == parts.Length - 1);
            folders = [.. folders.SelectMany(folder => Entries(folder, part, last, remedy))];
        }

        return folders;
    }

    private static IEnumerable<string> Entries(string folder, string part, bool files, string remedy)
    {
        if (!part.AsSpan().ContainsAny('*', '?'))
        {
            var path = Path.Combine(folder, part);
            return (files ? File.Exists(path) : Directory.Exists(path)) ? [path] : [];
        }

        try
        {
            var inside = folder.Length == 0 ? "." : folder;
            return [.. (files ? Directory.EnumerateFiles(inside) : Directory.EnumerateDirectories(inside))
                .Select(path => Path.GetFileName(path)).Where(name => FileSystemName.MatchesSimpleExpression(part, name, ignoreCase: false))
                .Select(name => Path.Combine(folder, name))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Data, $"{folder} cannot be read: {e.Message}", remedy, e);
        }
    }

    [GeneratedRegex(@"-of-\d+")]
    private static partial Regex Total();

    [GeneratedRegex(@"\{(?<from>\d{1,9})\.\.(?<to>\d{1,9})\}")]
    private static partial Regex Range();
}
