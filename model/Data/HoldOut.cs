using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Data;

/// <summary>A part of a training set that choices are made on, the same share of every class.</summary>
public static class HoldOut
{
    /// <summary>Splits a training set.</summary>
    /// <param name="labels">Class of each image.</param>
    /// <param name="fraction">Share held out, 0 to below 1; rounded for each class.</param>
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
                .Take((int)Math.Round(fraction * images.Count())))
            .ToHashSet();
        return (
            [.. Enumerable.Range(0, labels.Count).Where(i => !held.Contains(i))],
            [.. held.Order()]);
    }
}
