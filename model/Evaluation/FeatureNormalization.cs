namespace LDaeCore.Model.Evaluation;

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
