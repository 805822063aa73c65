
namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// Images drawn from noise by a trained network. Guidance without a classifier (Ho and Salimans 2022) moves each estimate away from the one made without
/// the label: x + w (x_label - x). Made of clean latents or of noise it is the same, as one is a linear function of the other.
/// </summary>
public sealed class ImageSampler : IDisposable
{
    private const int BatchSize = 32;

    private readonly LatentEstimate _estimate;
    private readonly DiffusionSampler _sampler;
    private readonly double _guidance;

    /// <summary>Plans and allocates the memory of a pass.</summary>
    /// <param name="model">The denoiser.</param>
    /// <param name="kind">How a step is made.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="guidance">w; 1 is none.</param>
    /// <param name="seed">Seed of the noise.</param>
    public ImageSampler(LatentDenoiser model, SamplerKind kind, int steps, double guidance, ulong seed)
    {
        _sampler = new DiffusionSampler(model.Schedule, kind, steps, seed);
        _estimate = new LatentEstimate(model, BatchSize);
        _guidance = model.LabelColumns > 0 ? guidance : 1;
    }

    /// <summary>Draws images.</summary>
    /// <param name="labels">Class of each; null for none in particular.</param>
    /// <param name="cancellation">Asks to stop before the next estimate.</param>
    /// <returns>An image [side, side, 3] a label.</returns>
    public IReadOnlyList<byte[]> Run(IReadOnlyList<int?> labels, CancellationToken cancellation = default)
    {
        var images = new List<byte[]>();
        for (var first = 0; first < labels.Count; first += BatchSize)
        {
            var some = labels.Skip(first).Take(BatchSize).ToArray();
            int?[] told = [.. some, .. new int?[BatchSize - some.Length]];
            var latents = _sampler.Run(BatchSize * _estimate.ImageLatents, (z, t) => Guided(z, t, told, cancellation), (long)first * _estimate.ImageLatents);
            images.AddRange(_estimate.Decode(latents).Take(some.Length));
        }

        return images;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _estimate.Dispose();

    private double[] Guided(double[] z, int t, int?[] labels, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var told = _estimate.Clean(z, t, labels);
        return _guidance == 1
            ? told
            : [.. _estimate.Clean(z, t, new int?[labels.Length]).Zip(told, (plain, with) => plain + (_guidance * (with - plain)))];
    }
}
