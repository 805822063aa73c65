using System.Globalization;
using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;

namespace LDaeCore.Model.Evaluation;

/// <summary>The features of an encoder, image by image: what probes read.</summary>
public sealed class FeatureExtractor : IDisposable
{
    /// <summary>Images of one batch.</summary>
    public const int BatchSize = 64;

    private readonly IEncoder _encoder;
    private readonly bool _ownsEncoder;
    private readonly IBackend _backend;
    private readonly int _side;
    private readonly StepArena _arena;
    private readonly PersistentTensor _images;

    /// <summary>Plans and allocates the memory of a pass.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="ownsEncoder">Whether the encoder is disposed with this.</param>
    public FeatureExtractor(IEncoder encoder, bool ownsEncoder = false)
    {
        (_encoder, _ownsEncoder, _backend, _side) = (encoder, ownsEncoder, encoder.Backend, encoder.ImageSize);
        _images = new PersistentTensor(_backend, new Shape(BatchSize, _side, _side, PatchPixels.Channels), DType.U8);
        _arena = new StepArena(_backend, encoder.PassBytes(BatchSize), StepArena.DefaultMode);
    }

    /// <summary>Columns of a feature row.</summary>
    public int Channels => _encoder.Width;

    /// <summary>Bytes taken of the device.</summary>
    internal long Bytes => _images.Tensor.Bytes + _arena.Capacity;

    /// <summary>Bytes that an extractor takes of the device.</summary>
    /// <param name="encoder">The encoder, which may be one on a planning device.</param>
    /// <returns>The bytes.</returns>
    public static long PlannedBytes(IEncoder encoder) =>
        ((long)BatchSize * PatchPixels.Channels * encoder.ImageSize * encoder.ImageSize) + encoder.PassBytes(BatchSize);

    /// <summary>Features of some images.</summary>
    /// <param name="pixels">[count, H, W, 3].</param>
    /// <param name="firstImage">Place of the first in its data set, for the noise of a noised input.</param>
    /// <param name="features">[count, Channels].</param>
    /// <param name="cancellation">Asks to stop before the next pass.</param>
    /// <exception cref="LdaeException">Run: a feature is no finite number, of which every probe would make chance.</exception>
    public void Extract(ReadOnlySpan<byte> pixels, long firstImage, Span<float> features, CancellationToken cancellation = default)
    {
        var bytes = (int)(_images.Tensor.Bytes / BatchSize);
        var count = pixels.Length / bytes;
        for (var first = 0; first < count; first += BatchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var some = Math.Min(BatchSize, count - first);
            Span<byte> batch = new byte[_images.Tensor.Bytes];
            pixels.Slice(first * bytes, some * bytes).CopyTo(batch);
            _backend.Upload<byte>(batch, _images.Tensor);
            var tape = new Tape(_backend, _arena);
            var pooled = tape.WithoutRecording(() => [_encoder.Features(tape, _images.Tensor, firstImage + first)])[0];
            var found = pooled.ReadFloats(_backend).AsSpan(0, some * Channels);
            RequireFinite(found, firstImage + first);
            found.CopyTo(features[(first * Channels)..]);
            _arena.Reset();
        }
    }

    /// <summary>Features of images of a source, centre-cropped.</summary>
    /// <param name="source">The images.</param>
    /// <param name="indices">Which, in order.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images, which are left out; none is allowed when not given.</param>
    /// <param name="firstImage">Place of the first in its data set, for the noise of a noised input.</param>
    /// <param name="cancellation">Asks to stop before the next pass.</param>
    /// <returns>The features with their labels.</returns>
    public FeatureSet Extract(
        IImageSource source, int[] indices, int workers, BadSamples? bad = null, long firstImage = 0, CancellationToken cancellation = default)
    {
        var values = new List<float>(indices.Length * Channels);
        var labels = new List<int>(indices.Length);
        var read = new List<int>(indices.Length);
        foreach (var batch in CenterBatches.Read(source, indices, _side, 4 * BatchSize, workers, bad, cancellation))
        {
            var features = new float[batch.Count * Channels];
            Extract(batch.Filled, firstImage + labels.Count, features, cancellation);
            values.AddRange(features);
            labels.AddRange(batch.Labels.AsSpan(0, batch.Count));
            read.AddRange(batch.Indices.AsSpan(0, batch.Count));
        }

        return new FeatureSet([.. values], [.. labels], Channels) { Indices = [.. read] };
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _arena.Dispose();
        _images.Dispose();
        if (_ownsEncoder)
        {
            _encoder.Dispose();
        }
    }

    private void RequireFinite(ReadOnlySpan<float> features, long firstImage)
    {
        if (!TensorPrimitives.IsFiniteAll(features))
        {
            var i = Array.FindIndex(features.ToArray(), feature => !float.IsFinite(feature));
            throw new LdaeException(
                ErrorKind.Run,
                $"The encoder's feature {i % Channels} of image {firstImage + (i / Channels)} is {features[i].ToString(CultureInfo.InvariantCulture)}.",
                "Its weights are too large or damaged: probe another checkpoint, or an earlier --block.");
        }
    }
}
