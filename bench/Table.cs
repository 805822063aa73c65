using System.Globalization;
using System.Text;

namespace LDaeCore.Bench;

/// <summary>A report as a table: Markdown, aligned so that a console shows the same text.</summary>
internal static class Table
{
    private static readonly (string Title, Func<ResultRow, string> Cell)[] Columns =
    [
        ("name", row => row.Name),
        ("pass", row => row.Pass),
        ("median", row => Time(row.MedianS)),
        ("spread", row => Percent(row.Spread)),
        ("GB/s", row => Rate(row.Bytes, row.MedianS, 1e9)),
        ("TFLOP/s", row => Rate(row.Flops, row.MedianS, 1e12)),
        ("share", row => Percent(row.Share)),
        ("limit", row => row.Limit ?? ""),
        ("img/s", row => Number(row.ImagesPerSecond, "F1")),
        ("noise+loss", row => row.NoiseAndLoss is { } share ? Number(100 * share, "F1") + " %" : ""),
        ("peak MB", row => Number(row.PeakMemoryBytes / 1e6, "F0")),
        ("registers", row => Number(row.Registers, "F0")),
        ("local B", row => Number(row.LocalBytes, "F0")),
        ("rival", row => row.RivalS is { } s ? Time(s) : ""),
        ("ratio", row => Number(row.Ratio, "F2")),
    ];

    /// <summary>The table, the times by primitive of each step, and who the rivals are. Columns that are empty throughout are left out.</summary>
    /// <param name="report">What to show.</param>
    public static string Markdown(RunReport report)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{report.Program} on {report.Device}{(report.Threads is { } threads ? $", {threads} threads" : "")}").AppendLine();
        var columns = Columns.Where(column => report.Rows.Any(row => column.Cell(row).Length > 0)).ToArray();
        Append(text, [.. columns.Select(c => c.Title)], [.. report.Rows.Select(row => columns.Select(c => c.Cell(row)).ToArray())]);
        foreach (var row in report.Rows.Where(row => row.Families is { Count: > 0 }))
        {
            var total = row.Families!.Values.Sum();
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"{row.Name} by primitive, each waited for:").AppendLine();
            Append(text, ["primitive", "time", "share"], [.. row.Families.OrderByDescending(f => f.Value).Select(f => (string[])[f.Key, Time(f.Value), Percent(f.Value / total)])]);
        }

        foreach (var rival in report.Rows.Select(row => row.Rival).OfType<string>().Distinct())
        {
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"rival: {rival}; a ratio above 1 says that ours is faster");
        }

        return text.ToString();
    }

    /// <summary>A time in the unit that suits it.</summary>
    /// <param name="seconds">Seconds.</param>
    public static string Time(double seconds) => seconds switch
    {
        >= 1 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F2} s"),
        >= 1e-3 => string.Create(CultureInfo.InvariantCulture, $"{1e3 * seconds:F2} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{1e6 * seconds:F2} us"),
    };

    private static void Append(StringBuilder text, string[] titles, string[][] rows)
    {
        var widths = titles.Select((title, i) => rows.Select(row => row[i].Length).Append(title.Length).Max()).ToArray();
        void Line(IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).AppendLine(" |");
        Line(titles.Select((title, i) => title.PadRight(widths[i])));
        Line(widths.Select(width => new string('-', width)));
        foreach (var row in rows)
        {
            Line(row.Select((cell, i) => i < 2 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i])));
        }
    }

    private static string Rate(double? amount, double seconds, double unit) => amount is > 0 ? Number(amount / seconds / unit, "G3") : "";

    private static string Percent(double? share) => share is null ? "" : Number(100 * share, "F0") + " %";

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
