using System.Globalization;

namespace LDaeCore.Model.Journey;

/// <summary>
/// The shape of the paper's results. A claim that one thing is better than another holds when the difference of the means exceeds the sum of the two
/// spreads over seeds; one that two are close, when the means are within 2 points. One seed has no spread and holds nothing.
/// </summary>
public static class ShapeClaims
{
    /// <summary>Points within which two accuracies are close.</summary>
    public const double Close = 2;

    /// <summary>Judges every claim.</summary>
    /// <param name="preset">The size.</param>
    /// <param name="found">What was measured of an entry; null for nothing.</param>
    /// <returns>The claims in a fixed order.</returns>
    public static IReadOnlyList<ShapeClaim> Judge(JourneyPreset preset, Func<JourneyEntry, SeedAccuracies?> found)
    {
        (string, SeedAccuracies?) Step(string name) => (name, found(JourneyEntry.Of(JourneySteps.Get(name), preset)));
        return
        [
            Optimum(preset, found),
            Better("pixel noise loses clearly to latent noise", Step("l-dae"), Step("classical-dae")),
            Better("several levels beat one", Step("l-dae"), Step("single-level")),
            Near("l-DAE is close to the DiT on PCA latents", Step("l-dae"), Step("patch-pca")),
            KindAgainstDim(preset, found),
        ];
    }

    private static ShapeClaim Optimum(JourneyPreset preset, Func<JourneyEntry, SeedAccuracies?> found)
    {
        const string name = "d has an optimum well below D";
        var points = preset.Dims.Zip(JourneySweeps.Get("d", preset).Points, (dim, point) => (Name: $"d = {dim}", Dim: dim, Top1: found(point.Entry))).ToArray();
        if (points.Where(point => point.Top1 is null).Select(point => point.Name).ToArray() is { Length: > 0 } missing)
        {
            return Missing(name, missing);
        }

        var (best, largest) = (points.MaxBy(point => point.Top1!.Mean), points[^1]);
        var half = preset.Recipe.Tokenizer.PatchValues / 2;
        return Verdict(
            name,
            [best.Top1!, largest.Top1!],
            best.Dim <= half && best.Top1!.Exceeds(largest.Top1!),
            $"best at {best.Name} ({Words(best.Top1!)}; at most {half} counts as well below), against {largest.Name} ({Words(largest.Top1!)})");
    }

    /// <summary>
    /// How far apart kinds of tokenizer are at one d, against how far apart the d of one kind are: each a mean of ranges over the cells that were measured,
    /// computed seed by seed.
    /// </summary>
    private static ShapeClaim KindAgainstDim(JourneyPreset preset, Func<JourneyEntry, SeedAccuracies?> found)
    {
        const string name = "the kind of tokenizer matters less than d";
        var cells = JourneySweeps.Get("tokenizer-d", preset).Points
            .Select(point => (point.Series, point.Label, Top1: found(point.Entry))).Where(cell => cell.Top1 is not null).ToArray();
        var dims = cells.GroupBy(cell => cell.Series).Where(group => group.Count() > 1).Select(group => group.Select(cell => cell.Top1!.Values).ToArray()).ToArray();
        var kinds = cells.GroupBy(cell => cell.Label).Where(group => group.Count() > 1).Select(group => group.Select(cell => cell.Top1!.Values).ToArray()).ToArray();
        if (dims.Length == 0 || kinds.Length == 0)
        {
            return Missing(name, [dims.Length == 0 ? "one tokenizer at two d" : "two tokenizers at one d"]);
        }

        var seeds = cells.Min(cell => cell.Top1!.Values.Count);
        SeedAccuracies Range(IReadOnlyList<double>[][] groups) => new([.. Enumerable.Range(0, seeds)
            .Select(seed => groups.Average(group => group.Max(values => values[seed]) - group.Min(values => values[seed])))]);
        var (overDims, overKinds) = (Range(dims), Range(kinds));
        return Verdict(name, [overDims, overKinds], overDims.Exceeds(overKinds), $"range over d {Words(overDims)}, over kinds {Words(overKinds)}");
    }

    private static ShapeClaim Better(string name, (string Name, SeedAccuracies? Top1) a, (string Name, SeedAccuracies? Top1) b) =>
        Pair(name, a, b, (x, y) => x.Exceeds(y));

    private static ShapeClaim Near(string name, (string Name, SeedAccuracies? Top1) a, (string Name, SeedAccuracies? Top1) b) =>
        Pair(name, a, b, (x, y) => Math.Abs(x.Mean - y.Mean) <= Close);

    private static ShapeClaim Pair(
        string name, (string Name, SeedAccuracies? Top1) a, (string Name, SeedAccuracies? Top1) b, Func<SeedAccuracies, SeedAccuracies, bool> holds) =>
        a.Top1 is { } x && b.Top1 is { } y
            ? Verdict(name, [x, y], holds(x, y), $"{a.Name} {Words(x)}, {b.Name} {Words(y)}")
            : Missing(name, [.. new[] { a, b }.Where(side => side.Top1 is null).Select(side => side.Name)]);

    private static ShapeClaim Verdict(string name, SeedAccuracies[] judged, bool holds, string why) => Array.TrueForAll(judged, top1 => top1.HasSpread)
        ? new ShapeClaim(name, holds, why)
        : new ShapeClaim(name, null, $"{why}: it takes a second seed");

    private static ShapeClaim Missing(string name, string[] what) => new(name, null, $"not measured: {string.Join(", ", what)}");

    private static string Words(SeedAccuracies top1) => top1.HasSpread
        ? string.Create(CultureInfo.InvariantCulture, $"{top1.Mean:F2}, spread {top1.Spread:F2}")
        : string.Create(CultureInfo.InvariantCulture, $"{top1.Mean:F2} (one seed: no spread is known)");
}

/// <summary>What the paper's numbers say at any size, and whether ours say it too.</summary>
/// <param name="Name">The claim.</param>
/// <param name="Holds">Whether it holds; null where what it is about was not measured, or with one seed only.</param>
/// <param name="Why">The numbers behind the verdict, or what is missing.</param>
public sealed record ShapeClaim(string Name, bool? Holds, string Why)
{
    /// <summary>The verdict in words.</summary>
    public string Verdict => Holds switch { true => "held", false => "not held", null => "not measured" };
}

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
