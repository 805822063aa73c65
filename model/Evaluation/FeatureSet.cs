namespace LDaeCore.Model.Evaluation;

/// <summary>One row of features an image, with its label.</summary>
/// <param name="Values">[N, Channels], row-major.</param>
/// <param name="Labels">[N].</param>
/// <param name="Channels">Values of a row.</param>
public sealed record FeatureSet(float[] Values, int[] Labels, int Channels)
{
    /// <summary>Index of each row's image in its source [N]; empty where it was not requested.</summary>
    public IReadOnlyList<int> Indices { get; init; } = [];

    /// <summary>Number of rows.</summary>
    public int Count => Labels.Length;

    /// <summary>The features of an image.</summary>
    /// <param name="index">0..Count-1.</param>
    /// <returns>[Channels].</returns>
    public ReadOnlySpan<float> Row(int index) => Values.AsSpan(index * Channels, Channels);

    /// <summary>Some of the rows.</summary>
    /// <param name="indices">Which, in order.</param>
    /// <returns>Copies.</returns>
    public FeatureSet Select(IReadOnlyList<int> indices)
    {
        var values = new float[(long)indices.Count * Channels];
        for (var i = 0; i < indices.Count; i++)
        {
            Row(indices[i]).CopyTo(values.AsSpan(i * Channels));
        }

        return new FeatureSet(values, [.. indices.Select(i => Labels[i])], Channels) { Indices = Indices.Count == 0 ? [] : [.. indices.Select(i => Indices[i])] };
    }
}

/// <summary>
/// Batch normalisation without parameters, its batch being the whole training set: each channel is brought to mean 0 and
/// variance 1 there (eps 1e-6), and every other set is treated alike. As features are computed once and kept, nothing has to be
/// estimated from small batches.
/// </summary>
public sealed class FeatureNormalization
{
    private const double Epsilon = 1e-6;
    private readonly double[] _mean, _rstd;

    /// <summary>Takes the statistics.</summary>
    /// <param name="training">The training features.</param>
    public FeatureNormalization(FeatureSet training)
    {
        var channels = training.Channels;
        (_mean, _rstd) = (new double[channels], new double[channels]);
        for (var i = 0; i < training.Count; i++)
        {
            var row = training.Row(i);
            for (var c = 0; c < channels; c++)
            {
                _mean[c] += row[c];
            }
        }

        for (var c = 0; c < channels; c++)
        {
            _mean[c] /= training.Count;
        }

        for (var i = 0; i < training.Count; i++)
        {
            var row = training.Row(i);
            for (var c = 0; c < channels; c++)
            {
                var d = row[c] - _mean[c];
                _rstd[c] += d * d;
            }
        }

        for (var c = 0; c < channels; c++)
        {
            _rstd[c] = 1 / Math.Sqrt((_rstd[c] / training.Count) + Epsilon);
        }
    }

    /// <summary>Normalises a set.</summary>
    /// <param name="features">The features.</param>
    /// <returns>A copy.</returns>
    public FeatureSet Apply(FeatureSet features)
    {
        var values = new float[features.Values.Length];
        for (var i = 0; i < features.Count; i++)
        {
            var row = features.Row(i);
            for (var c = 0; c < features.Channels; c++)
            {
                values[(i * features.Channels) + c] = (float)((row[c] - _mean[c]) * _rstd[c]);
            }
        }

        return features with { Values = values };
    }
}
