using System.Globalization;

namespace LDaeCore.Bench;

/// <summary>
/// What got slower between two reports. A row counts when its median grew by more than both runs scatter: the two quartile distances
/// together, and at least a share of the median that no honest pair of runs stays below.
/// </summary>
internal static class Comparison
{
    /// <summary>The least growth that is reported.</summary>
    public const double Least = 0.03;

    /// <summary>One line a regression; empty when there is none.</summary>
    /// <param name="before">The report that was good.</param>
    /// <param name="after">The report that is judged.</param>
    public static IEnumerable<string> Regressions(RunReport before, RunReport after)
    {
        var known = before.Rows.ToDictionary(row => (row.Name, row.Pass));
        foreach (var row in after.Rows.Where(row => row.Pass != "limit"))
        {
            if (known.TryGetValue((row.Name, row.Pass), out var old) && IsSlower(old, row))
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{row.Name} {row.Pass}: {Table.Time(old.MedianS)} -> {Table.Time(row.MedianS)}, {100 * ((row.MedianS / old.MedianS) - 1):F0} % slower (spread "
                        + $"{100 * old.Spread:F0} % and {100 * row.Spread:F0} %)");
            }
        }
    }

    /// <summary>Rows of one report that the other lacks: they were not compared.</summary>
    /// <param name="before">One.</param>
    /// <param name="after">The other.</param>
    public static IEnumerable<string> Unmatched(RunReport before, RunReport after)
    {
        HashSet<(string, string)> both = [.. before.Rows.Select(row => (row.Name, row.Pass)).Intersect(after.Rows.Select(row => (row.Name, row.Pass)))];
        return before.Rows.Concat(after.Rows).Where(row => !both.Contains((row.Name, row.Pass))).Select(row => $"{row.Name} {row.Pass}").Distinct();
    }

    private static bool IsSlower(ResultRow old, ResultRow row)
    {
        var scatter = old.HighS - old.LowS + row.HighS - row.LowS;
        return row.MedianS - old.MedianS > Math.Max(scatter, Least * old.MedianS);
    }
}
