namespace LDaeCore.Model.Journey;

/// <summary>Accuracies of one entry, one from each seed; or what is computed from such, seed by seed.</summary>
/// <param name="Values">Percent, at least one.</param>
public sealed record SeedAccuracies(IReadOnlyList<double> Values)
{
    /// <summary>Their mean.</summary>
    public double Mean => Values.Average();

    /// <summary>The best minus the worst; 0 with a single seed.</summary>
    public double Spread => Values.Max() - Values.Min();

    /// <summary>Whether the spread says something: that of a single seed is 0 and no measure of chance.</summary>
    public bool HasSpread => Values.Count > 1;

    /// <summary>Whether these are higher than others by more than chance: the difference of the means exceeds the sum of the two spreads.</summary>
    /// <param name="other">The others.</param>
    /// <returns>True when they are.</returns>
    public bool Exceeds(SeedAccuracies other) => Mean - other.Mean > Spread + other.Spread;
}
