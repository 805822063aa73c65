using LDaeCore.Engine.Numerics;

namespace LDaeCore.Model.Evaluation;

/// <summary>
/// Other coordinates for the same linear classifiers: x becomes L^-1 x, where L L^T is the training set's covariance plus a small
/// multiple of the identity. In them the channels are uncorrelated, so that a gradient step sees a direction of little variance as
/// well as one of much. Mean tokens need it: nearly all of their variance is brightness and colour, and what tells classes
/// apart lies in directions whose variance is a million times smaller (docs/decisions/0005).
/// </summary>
public sealed class FeatureDecorrelation
{
    /// <summary>Added to every variance, in units of a normalised channel's.</summary>
    public const double Damping = 1e-4;

    /// <summary>Most channels that are decorrelated; the work grows with their square for each image.</summary>
    public const int MostChannels = 1024;

    private readonly Cholesky _factor;

    /// <summary>Takes the statistics.</summary>
    /// <param name="training">Normalised training features.</param>
    public FeatureDecorrelation(FeatureSet training)
    {
        var covariance = new Covariance(training.Channels);
        covariance.Add(training.Values, training.Count);
        var matrix = covariance.Matrix();
        for (var c = 0; c < training.Channels; c++)
        {
            matrix[(c * training.Channels) + c] += Damping;
        }

        _factor = Cholesky.Factor(matrix, training.Channels);
    }

    /// <summary>Changes the coordinates of a set.</summary>
    /// <param name="features">Normalised features.</param>
    /// <returns>A copy.</returns>
    public FeatureSet Apply(FeatureSet features)
    {
        var values = new float[features.Values.Length];
        var row = new double[features.Channels];
        for (var i = 0; i < features.Count; i++)
        {
            TensorPrimitives.ConvertTruncating(features.Row(i), row.AsSpan());
            _factor.Solve(row);
            TensorPrimitives.ConvertTruncating<double, float>(row, values.AsSpan(i * row.Length, row.Length));
        }

        return features with { Values = values };
    }
}
