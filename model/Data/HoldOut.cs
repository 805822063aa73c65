using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Data;

/// <summary>A held-out part of a training set, for the choice of hyperparameters: the same share of every class.</summary>
public static class HoldOut
{
    /// <summary>Splits a training set.</summary>
    /// <param name="labels">Class of each image.</param>
    /// <param name="fraction">
    /// Share held out, 0 to below 1; rounded for each class. Above 0, a class with two images or more has at least one in either part, and
    /// one with a single image keeps it in training.
    /// </param>
    /// <param name="seed">Seed of the choice.</param>
    /// <returns>Indices of both parts, rising.</returns>
    public static (int[] Train, int[] HeldOut) Split(IReadOnlyList<int> labels, double fraction, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(fraction);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fraction, 1);
        var held = Enumerable.Range(0, labels.Count)
            .GroupBy(i => labels[i])
            .SelectMany(images => images
                .OrderBy(i => Philox.Word(seed, RandomStream.HoldOut, 0, (ulong)i))
                .ThenBy(i => i)
                .Take(Share(images.Count(), fraction)))
            .ToHashSet();
        return (
            [.. Enumerable.Range(0, labels.Count).Where(i => !held.Contains(i))],
            [.. held.Order()]);
    }

    private static int Share(int images, double fraction) =>
        fraction > 0 && images > 1 ? Math.Clamp((int)Math.Round(fraction * images), 1, images - 1) : 0;
}
