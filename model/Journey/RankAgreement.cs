using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Journey;

/// <summary>
/// Whether ours and the paper's accuracies order the same systems alike: Spearman's rank correlation of the means over seeds, ranks of equal accuracies being averaged,
/// with the interval that holds 95 % of the correlations when each system's seeds are drawn again with replacement.
/// </summary>
/// <param name="Correlation">From -1, the opposite order, to 1, the same.</param>
/// <param name="Interval">Lower and upper end; null where no system has two seeds, which leaves nothing to draw.</param>
/// <param name="Systems">How many were compared.</param>
public sealed record RankAgreement(double Correlation, (double Low, double High)? Interval, int Systems)
{
    private const int Draws = 2000, Fewest = 3;

    /// <summary>Compares.</summary>
    /// <param name="systems">Of each system our accuracies by seed and the paper's.</param>
    /// <returns>The agreement; null for fewer than three systems, or where one side has one accuracy for all.</returns>
    public static RankAgreement? Of(IReadOnlyList<(SeedAccuracies Ours, double Paper)> systems)
    {
        double[] paper = [.. systems.Select(system => system.Paper)];
        if (systems.Count < Fewest || Spearman([.. systems.Select(system => system.Ours.Mean)], paper) is not { } correlation)
        {
            return null;
        }

        var drawn = systems.Any(system => system.Ours.HasSpread)
            ? Enumerable.Range(0, Draws).Select(draw => Spearman([.. systems.Select((system, i) => Redrawn(system.Ours, draw, i))], paper)).OfType<double>().Order().ToArray()
            : [];
        return new RankAgreement(correlation, drawn.Length > 0 ? (At(drawn, 0.025), At(drawn, 0.975)) : null, systems.Count);
    }

    /// <summary>Spearman's rank correlation: Pearson's of the ranks.</summary>
    /// <param name="a">Numbers.</param>
    /// <param name="b">As many.</param>
    /// <returns>The correlation; null where the numbers of one side are all equal.</returns>
    public static double? Spearman(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        double[] x = Ranks(a), y = Ranks(b);
        var mean = (x.Length + 1) / 2.0;
        double xy = x.Zip(y, (p, q) => (p - mean) * (q - mean)).Sum(), xx = x.Sum(p => (p - mean) * (p - mean)), yy = y.Sum(q => (q - mean) * (q - mean));
        return xx > 0 && yy > 0 ? xy / Math.Sqrt(xx * yy) : null;
    }

    private static double[] Ranks(IReadOnlyList<double> values) =>
        [.. values.Select(value => values.Count(other => other < value) + ((values.Count(other => other == value) + 1) / 2.0))];

    private static double Redrawn(SeedAccuracies accuracies, int draw, int system)
    {
        var (values, sum) = (accuracies.Values, 0.0);
        for (var i = 0; i < values.Count; i++)
        {
            sum += values[(int)Philox.Below(Philox.Word(0, RandomStream.Shuffle, (uint)draw, ((ulong)system << 32) | (uint)i), (uint)values.Count)];
        }

        return sum / values.Count;
    }

    private static double At(double[] sorted, double share) => sorted[(int)Math.Round(share * (sorted.Length - 1))];
}
