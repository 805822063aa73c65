namespace LDaeCore.Model.Recipes;

/// <summary>The valid name that someone most likely meant.</summary>
public static class NearestName
{
    /// <summary>
    /// The name at the smallest edit distance, the first of equals; names that begin with what was written go before all others, as
    /// an abbreviation is far from its word. A name without a dot is also held against what follows
    /// the last dot of each candidate, so that "lr" finds "train.lr".
    /// </summary>
    /// <param name="name">What was written.</param>
    /// <param name="candidates">The valid names; at least one.</param>
    /// <returns>One of the candidates.</returns>
    public static string Of(string name, IEnumerable<string> candidates)
    {
        var all = candidates.ToArray();

        // Past twice the longest candidate every letter counts against all of them alike; a megabyte of them would take seconds.
        name = name[..Math.Min(name.Length, 2 * all.Max(c => c.Length))];
        var dotted = name.Contains('.', StringComparison.Ordinal);
        string[] Spellings(string candidate) => dotted ? [candidate] : [candidate, candidate[(candidate.LastIndexOf('.') + 1)..]];
        var begun = name.Length == 0 ? [] : all.Where(c => Spellings(c).Any(s => s.StartsWith(name, StringComparison.OrdinalIgnoreCase))).ToArray();
        return (begun.Length > 0 ? begun : all).MinBy(candidate => Spellings(candidate).Min(spelling => Distance(name, spelling)))!;
    }

    /// <summary>
    /// Damerau-Levenshtein distance (optimal string alignment), ignoring case: how many insertions, deletions, substitutions
    /// and swaps of neighbours turn one into the other.
    /// </summary>
    /// <param name="a">One name.</param>
    /// <param name="b">The other.</param>
    /// <returns>The number of edits.</returns>
    public static int Distance(string a, string b)
    {
        var edits = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                edits[i, j] = i == 0 || j == 0 ? i + j : Math.Min(
                    Math.Min(edits[i - 1, j], edits[i, j - 1]) + 1,
                    edits[i - 1, j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                {
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
                }
            }
        }

        return edits[a.Length, b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
