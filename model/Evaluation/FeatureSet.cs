namespace LDaeCore.Model.Evaluation;

/// <summary>One row of features an image, with its label.</summary>
/// <param name="Values">[N, Channels], row-major.</param>
/// <param name="Labels">[N].</param>
/// <param name="Channels">Values of a row.</param>
public sealed record FeatureSet(float[] Values, int[] Labels, int Channels)
{
    /// <summary>Index of each row's image in its source [N]; empty where nobody asked.</summary>
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
