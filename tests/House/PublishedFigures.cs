using System.Text.RegularExpressions;

namespace LDaeCore.Tests.House;

/// <summary>
/// Figures in a Markdown page and the logs they come from. A figure is a number with a unit (36.5 %, 27.1 dB, 2 minutes) or,
/// in a results table, a cell that is nothing but a number. Figures stand between <c>results</c> markers, in a table row,
/// list item or paragraph that links to the log under docs/results/ where the same digits are found.
/// </summary>
internal static partial class PublishedFigures
{
    public const string LogFolder = "docs/results/";

    private const string Open = "<!-- results -->", Close = "<!-- /results -->";

    private enum Place
    {
        Prose,
        Code,
        Results,
    }

    /// <summary>One message per figure that no log backs, and per log that is not there.</summary>
    /// <param name="page">Markdown.</param>
    /// <param name="readLog">Text of a file under its path from the repository's root; null when there is none.</param>
    public static IEnumerable<string> Unbacked(string page, Func<string, string?> readLog)
    {
        var visible = HiddenComment().Replace(page.ReplaceLineEndings("\n"), match => new string('\n', match.Value.Count(c => c == '\n')));
        var (blocks, closed) = Blocks(visible);
        var found = blocks.SelectMany(block => block.Place switch
        {
            Place.Results => InResults(block.Text, readLog),
            Place.Prose => Figures(block.Text, cells: false).Select(figure => $"{figure} stands outside {Open}"),
            _ => [],
        });
        return closed ? found : found.Append($"{Open} and {Close} do not pair");
    }

    private static IEnumerable<string> InResults(string block, Func<string, string?> readLog)
    {
        var figures = Figures(block, cells: true).ToList();
        var links = Link().Matches(block).Select(match => match.Groups["path"].Value).Where(InLogFolder).ToList();
        var logs = links.Select(readLog).ToList();
        foreach (var missing in links.Where((_, i) => logs[i] is null))
        {
            yield return $"{missing} is linked and missing";
        }

        foreach (var figure in figures)
        {
            if (links.Count == 0)
            {
                yield return $"{figure} has no link to a log under {LogFolder} beside it";
            }
            else if (!logs.Exists(log => log is not null && Holds(log, figure.Digits)))
            {
                yield return $"{figure} is not in {string.Join(", ", links)}";
            }
        }
    }

    private static bool InLogFolder(string path) =>
        path.StartsWith(LogFolder, StringComparison.Ordinal) && !path.Split('/').Contains("..");

    private static bool Holds(string log, string digits) =>
        Regex.IsMatch(log, $@"(?<![\w.]){Regex.Escape(digits)}(?!\d|\.\d|[eE][-+]?\d)");

    private static IEnumerable<Figure> Figures(string block, bool cells)
    {
        var text = Link().Replace(block, match => match.Groups["text"].Value);
        var numbers = Measured().Matches(text).SelectMany(match => match.Groups["number"].Captures.Select(number => new Figure(match.Value, number.Value)));
        return cells && block.StartsWith('|')
            ? numbers.Concat(text.Split('|').Select(cell => BareCell().Match(cell)).Where(cell => cell.Success)
                .Select(cell => new Figure(cell.Value.Trim(), cell.Groups["number"].Value)))
            : numbers;
    }

    /// <summary>Cuts a page into table rows, list items, headings, paragraphs and code blocks.</summary>
    private static (List<(Place Place, string Text)> Blocks, bool Closed) Blocks(string page)
    {
        var blocks = new List<(Place, string)>();
        var lines = new List<string>();
        bool results = false, code = false, paired = true;
        foreach (var line in page.Split('\n').Select(line => line.Trim()))
        {
            var fence = line.StartsWith("```", StringComparison.Ordinal);
            var marker = !code && line is Open or Close;
            if (fence || marker || line.Length == 0 || (!code && StartsBlock().IsMatch(line)))
            {
                Flush();
            }

            if (marker)
            {
                paired &= results == (line == Close);
                results = line == Open;
            }
            else if (fence)
            {
                code = !code;
            }
            else if (line.Length > 0)
            {
                lines.Add(line);
            }
        }

        Flush();
        return (blocks, paired && !results);

        void Flush()
        {
            if (lines.Count > 0)
            {
                blocks.Add((results ? Place.Results : code ? Place.Code : Place.Prose, string.Join(' ', lines)));
                lines.Clear();
            }
        }
    }

    [GeneratedRegex(@"<!--(?!\s*/?results\s*-->).*?-->", RegexOptions.Singleline)]
    private static partial Regex HiddenComment();

    [GeneratedRegex(@"\[(?<text>[^\]]*)\]\((?<path>[^)#\s]*)[^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^(\||#|[-*+]\s|\d+[.)]\s)")]
    private static partial Regex StartsBlock();

    [GeneratedRegex(@"(?<![\w.,])(?<number>\d[\d,]*(\.\d+)?)(\s*(±|\+/-|-|–|to|/)\s*(?<number>\d[\d,]*(\.\d+)?))?\s*(%|percent\b|points?\b|×|x\b|dB\b"
        + @"|(img|images|steps|tokens|samples)/s\b|[kMGTP]?(FLOPS?|FLOP/s|B/s|iB/s)\b|[kKMGT]i?B(/s)?\b|bytes\b|[nuµm]?s\b|(milli|micro)?seconds?\b|min(utes?)?\b|h(ours?)?\b)")]
    private static partial Regex Measured();

    [GeneratedRegex(@"^\s*[*_]*[-+]?(?<number>\d[\d,]*(\.\d+)?)[*_]*\s*$")]
    private static partial Regex BareCell();

    private sealed record Figure(string Shown, string Number)
    {
        /// <summary>As a log writes it: no thousands separators.</summary>
        public string Digits => Number.Replace(",", "", StringComparison.Ordinal);

        public override string ToString() => $"'{Shown}'";
    }
}
