namespace LDaeCore.Model.Evaluation;

/// <summary>How often images of one class were taken for another.</summary>
public sealed class ConfusionMatrix
{
    private readonly int[] _counts;

    /// <summary>Counts.</summary>
    /// <param name="labels">The class of each image [N].</param>
    /// <param name="predicted">The class that was chosen for it [N].</param>
    /// <param name="classes">Number of classes; labels and predictions are below it.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a number is no class.</exception>
    public ConfusionMatrix(IReadOnlyList<int> labels, IReadOnlyList<int> predicted, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        if (labels.Count != predicted.Count)
        {
            throw new ArgumentException($"{predicted.Count} predictions are not one for each of {labels.Count} images.");
        }

        (Classes, _counts) = (classes, new int[checked(classes * classes)]);
        for (var i = 0; i < labels.Count; i++)
        {
            if ((uint)labels[i] >= classes || (uint)predicted[i] >= classes)
            {
                throw new ArgumentException($"Image {i} of class {labels[i]} was taken for {predicted[i]}; there are {classes} classes.");
            }

            _counts[(labels[i] * classes) + predicted[i]]++;
        }
    }

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    /// <summary>How many images of a class were taken for another, or for itself.</summary>
    /// <param name="truth">The class they are of.</param>
    /// <param name="predicted">The class that was chosen.</param>
    public int this[int truth, int predicted] => _counts[(truth * Classes) + predicted];

    /// <summary>How many images are of a class.</summary>
    /// <param name="truth">The class.</param>
    /// <returns>The sum of its row.</returns>
    public int Images(int truth) => _counts.AsSpan(truth * Classes, Classes).ToArray().Sum();

    /// <summary>The most frequent mistakes.</summary>
    /// <param name="most">How many at most.</param>
    /// <returns>Pairs of different classes that were met at least once, most frequent first; among equals the lower class is first.</returns>
    public IReadOnlyList<(int Truth, int Predicted, int Count)> Mistakes(int most) =>
    [
        .. Enumerable.Range(0, _counts.Length)
            .Where(i => _counts[i] > 0 && i / Classes != i % Classes)
            .OrderByDescending(i => _counts[i])
            .Take(most)
            .Select(i => (i / Classes, i % Classes, _counts[i])),
    ];
}

/// <summary>How often the right class was first, and among the first five.</summary>
/// <param name="Top1">Percent.</param>
/// <param name="Top5">Percent.</param>
public readonly record struct ClassificationAccuracy(double Top1, double Top5);
