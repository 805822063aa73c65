namespace LDaeCore.Model.Journey;

/// <summary>By how much a run's loss fell: the mean of its first twentieth against that of its last fifth, as a single batch says little.</summary>
public static class LossFall
{
    /// <summary>The share of its start that a loss has lost.</summary>
    /// <param name="losses">The logged losses, in order.</param>
    /// <returns>Percent, negative where it rose; null for fewer than two losses.</returns>
    public static double? Percent(IReadOnlyList<double> losses) => losses.Count < 2
        ? null
        : 100 * (1 - (losses.TakeLast(Math.Max(1, losses.Count / 5)).Average() / losses.Take(Math.Max(1, losses.Count / 20)).Average()));
}
