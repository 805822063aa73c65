using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LDaeCore.Model.Evaluation;

/// <summary>
/// Weighted nearest-neighbour classification (Wu et al., "Unsupervised feature learning via non-parametric instance discrimination",
/// CVPR 2018): the k training features of largest cosine similarity s vote for their class with weight exp(s / temperature).
/// Ties go to the earlier training sample and to the lower class, sums run in a fixed order: the result is the same
/// on any number of threads and any processor.
/// </summary>
public sealed class KNearestNeighbours
{
    private const int Lanes = 8, TestRows = 4, TrainRows = 2;

    private readonly int[] _labels;
    private readonly int _channels, _padded, _classes;
    private readonly float[] _train;

    /// <summary>Normalises the training features.</summary>
    /// <param name="features">[N, C], row-major, finite.</param>
    /// <param name="labels">Class of each row [N].</param>
    /// <param name="channels">C.</param>
    /// <param name="classes">Number of classes; labels are below it.</param>
    /// <exception cref="ArgumentException">There is no row, the lengths do not fit, or a label is no class.</exception>
    public KNearestNeighbours(ReadOnlySpan<float> features, ReadOnlySpan<int> labels, int channels, int classes)
    {
        CheckRows(features.Length, labels, channels, classes);
        (_labels, _channels, _classes) = (labels.ToArray(), channels, classes);
        _padded = (channels + Lanes - 1) / Lanes * Lanes;
        _train = Normalized(features, labels.Length, TrainRows);
    }

    /// <summary>k, the number of neighbours that vote; at least 1.</summary>
    public int Neighbours { get; init; } = 20;

    /// <summary>Temperature of the votes, above 0.</summary>
    public double Temperature { get; init; } = 0.07;

    /// <summary>Most threads used; -1 for as many as there are cores.</summary>
    public int Threads { get; init; } = -1;

    /// <summary>Asks to stop between rows.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>Classifies test features and compares with their labels.</summary>
    /// <param name="features">[M, C], row-major, finite.</param>
    /// <param name="labels">Class of each row [M].</param>
    /// <returns>Percent right. A class without a vote is never among the first five.</returns>
    /// <exception cref="ArgumentException">There is no row, the lengths do not fit, or a label is no class.</exception>
    public ClassificationAccuracy Evaluate(ReadOnlySpan<float> features, ReadOnlySpan<int> labels)
    {
        CheckRows(features.Length, labels, _channels, _classes);
        ArgumentOutOfRangeException.ThrowIfLessThan(Neighbours, 1, nameof(Neighbours));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Temperature, 0, nameof(Temperature));
        var count = labels.Length;
        var test = Normalized(features, count, TestRows);
        var truth = labels.ToArray();
        var ranks = new int[count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = Threads, CancellationToken = Cancellation };
        Parallel.For(0, (count + TestRows - 1) / TestRows, options, group => RankGroup(test, truth, group * TestRows, ranks));
        return new ClassificationAccuracy(
            100.0 * ranks.Count(r => r < 1) / count,
            100.0 * ranks.Count(r => r < 5) / count);
    }

    /// <summary>The training rows most similar to each test row.</summary>
    /// <param name="features">[M, C], row-major, finite.</param>
    /// <returns>Of each row its <see cref="Neighbours"/> nearest, or all rows where there are fewer: index and cosine similarity, falling.</returns>
    /// <exception cref="ArgumentException">There is no row, or the length does not fit.</exception>
    public IReadOnlyList<(int Index, float Similarity)[]> Find(ReadOnlySpan<float> features)
    {
        var count = features.Length / _channels;
        CheckRows(features.Length, new int[count], _channels, _classes);
        ArgumentOutOfRangeException.ThrowIfLessThan(Neighbours, 1, nameof(Neighbours));
        var test = Normalized(features, count, TestRows);
        var found = new (int, float)[count][];
        for (var first = 0; first < count; first += TestRows)
        {
            Cancellation.ThrowIfCancellationRequested();
            var (similarities, indices) = Nearest(test, first);
            var k = similarities.Length / TestRows;
            for (var row = 0; row < Math.Min(TestRows, count - first); row++)
            {
                found[first + row] = [.. Enumerable.Range(row * k, k).Select(i => (indices[i], similarities[i]))];
            }
        }

        return found;
    }

    private static void CheckRows(int length, ReadOnlySpan<int> labels, int channels, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        if (labels.IsEmpty || length != (long)labels.Length * channels)
        {
            throw new ArgumentException($"{length} values are not {labels.Length} rows of {channels}, or there is no row.");
        }

        foreach (var label in labels)
        {
            if (label < 0 || label >= classes)
            {
                throw new ArgumentException($"Label {label} is not one of {classes} classes.");
            }
        }
    }

    /// <summary>Rows of length one (a zero row stays zero), padded with zeros to whole vectors and whole groups of rows.</summary>
    private float[] Normalized(ReadOnlySpan<float> features, int rows, int group)
    {
        var normalized = new float[checked((rows + group - 1) / group * group * _padded)];
        for (var r = 0; r < rows; r++)
        {
            var row = features.Slice(r * _channels, _channels);
            var square = 0.0;
            foreach (var value in row)
            {
                square += (double)value * value;
            }

            var factor = square > 0 ? 1 / Math.Sqrt(square) : 0;
            for (var i = 0; i < _channels; i++)
            {
                normalized[(r * _padded) + i] = (float)(row[i] * factor);
            }
        }

        return normalized;
    }

    /// <summary>The rank of the true class of up to four test rows that share one pass over the training rows.</summary>
    private void RankGroup(float[] test, int[] truth, int first, int[] ranks)
    {
        var (similarities, indices) = Nearest(test, first);
        var k = similarities.Length / TestRows;
        var votes = new double[_classes];
        for (var row = 0; row < Math.Min(TestRows, truth.Length - first); row++)
        {
            ranks[first + row] = Rank(similarities.AsSpan(row * k, k), indices.AsSpan(row * k, k), truth[first + row], votes);
        }
    }

    /// <summary>The nearest training rows of four test rows: a list of each, one after the other.</summary>
    private (float[] Similarities, int[] Indices) Nearest(float[] test, int first)
    {
        var k = Math.Min(Neighbours, _labels.Length);
        var similarities = new float[TestRows * k];
        var indices = new int[TestRows * k];
        similarities.AsSpan().Fill(float.NegativeInfinity);
        Span<float> tile = stackalloc float[TestRows * TrainRows];
        for (var n = 0; n < _labels.Length; n += TrainRows)
        {
            Similarities(test.AsSpan(first * _padded, TestRows * _padded), _train.AsSpan(n * _padded, TrainRows * _padded), tile);
            for (var i = 0; i < tile.Length; i++)
            {
                var (row, index) = (i / TrainRows, n + (i % TrainRows));
                if (index < _labels.Length && tile[i] > similarities[(row * k) + k - 1])
                {
                    Insert(similarities.AsSpan(row * k, k), indices.AsSpan(row * k, k), tile[i], index);
                }
            }
        }

        return (similarities, indices);
    }

    /// <summary>Keeps a list falling by similarity; among equals the earlier comer, which has the lower index, stays ahead.</summary>
    private static void Insert(Span<float> similarities, Span<int> indices, float similarity, int index)
    {
        var at = similarities.Length - 1;
        for (; at > 0 && similarity > similarities[at - 1]; at--)
        {
            (similarities[at], indices[at]) = (similarities[at - 1], indices[at - 1]);
        }

        (similarities[at], indices[at]) = (similarity, index);
    }

    private int Rank(ReadOnlySpan<float> similarities, ReadOnlySpan<int> indices, int truth, double[] votes)
    {
        Array.Clear(votes);
        for (var i = 0; i < similarities.Length; i++)
        {
            // Relative to the nearest neighbour, so that no temperature overflows.
            votes[_labels[indices[i]]] += Math.Exp((similarities[i] - similarities[0]) / Temperature);
        }

        if (votes[truth] == 0)
        {
            return int.MaxValue;
        }

        var rank = 0;
        for (var c = 0; c < votes.Length; c++)
        {
            rank += votes[c] > votes[truth] || (votes[c] == votes[truth] && c < truth) ? 1 : 0;
        }

        return rank;
    }

    /// <summary>Dot products of four test rows with two training rows; eight sums stay in registers.</summary>
    private void Similarities(ReadOnlySpan<float> test, ReadOnlySpan<float> train, Span<float> tile)
    {
        ref var a = ref MemoryMarshal.GetReference(test);
        ref var b = ref MemoryMarshal.GetReference(train);
        var stride = (nuint)_padded;
        Vector256<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        for (nuint i = 0; i < stride; i += Lanes)
        {
            var b0 = Vector256.LoadUnsafe(ref b, i);
            var b1 = Vector256.LoadUnsafe(ref b, i + stride);
            var x = Vector256.LoadUnsafe(ref a, i);
            s00 = Vector256.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector256.FusedMultiplyAdd(x, b1, s01);
            x = Vector256.LoadUnsafe(ref a, i + stride);
            s10 = Vector256.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector256.FusedMultiplyAdd(x, b1, s11);
            x = Vector256.LoadUnsafe(ref a, i + (2 * stride));
            s20 = Vector256.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector256.FusedMultiplyAdd(x, b1, s21);
            x = Vector256.LoadUnsafe(ref a, i + (3 * stride));
            s30 = Vector256.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector256.FusedMultiplyAdd(x, b1, s31);
        }

        (tile[0], tile[1], tile[2], tile[3]) = (Vector256.Sum(s00), Vector256.Sum(s01), Vector256.Sum(s10), Vector256.Sum(s11));
        (tile[4], tile[5], tile[6], tile[7]) = (Vector256.Sum(s20), Vector256.Sum(s21), Vector256.Sum(s30), Vector256.Sum(s31));
    }
}
