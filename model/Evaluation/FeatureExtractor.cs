using System.Globalization;
using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Evaluation;

/// <summary>Mean tokens of an encoder, image by image: what probes read.</summary>
public sealed class FeatureExtractor : IDisposable
{
    /// <summary>Images of one batch.</summary>
    public const int BatchSize = 64;

    private readonly IBackend _backend;
    private readonly int _side;
    private readonly Func<Tape, Tensor, long, Tensor> _pass;
    private readonly StepArena _arena;
    private readonly PersistentTensor _images;
    private readonly NoiseLevels? _levels;

    /// <summary>Plans and allocates the memory of a pass.</summary>
    /// <param name="model">The denoiser.</param>
    /// <param name="probe">What is read: block, time step, input.</param>
    public FeatureExtractor(LatentDenoiser model, ProbeRecipe probe)
    {
        (_backend, _side, Channels) = (model.Backend, model.Recipe.Data.ImageSize, model.Network.Shape.Width);
        _images = Images();
        var levels = _levels = new NoiseLevels(_backend, BatchSize, model.LabelColumns);

        // A probe must not see the answer: a network that is told the class is told that there is none.
        model.TellLabels(levels, new int?[BatchSize]);
        _pass = (tape, images, firstImage) =>
        {
            Set(model, levels, probe);
            return Pass(model, tape, images, levels, probe, firstImage);
        };
        _arena = new StepArena(_backend, PassPlan.Bytes(model, BatchSize, (m, tape, images, levels) => Pass(m, tape, images, levels, probe, 0)), Trainer.DefaultMode);
    }

    /// <summary>Plans and allocates the memory of a pass through a ViT.</summary>
    /// <param name="network">The ViT; it says how it is read.</param>
    public FeatureExtractor(VisionTransformer network)
    {
        (_backend, _side, Channels) = (network.Backend, network.Configuration.ImageSize, network.Configuration.Width);
        _images = Images();
        _pass = (tape, images, _) => network.Features(tape, images);
        _arena = new StepArena(_backend, network.PassBytes(BatchSize), Trainer.DefaultMode);
    }

    /// <summary>Columns of a feature row.</summary>
    public int Channels { get; }

    /// <summary>Bytes taken of the device.</summary>
    internal long Bytes => _images.Tensor.Bytes + _arena.Capacity;

    /// <summary>A model that goes with the extractor, or null.</summary>
    public IDisposable? Owned { get; init; }

    /// <summary>Bytes that an extractor will take of the device, before there is a model.</summary>
    /// <param name="recipe">The recipe, resolved, its number of components known or assumed.</param>
    /// <param name="activations">Element type of activations.</param>
    /// <param name="parameters">Element type of parameters.</param>
    /// <returns>The bytes.</returns>
    public static long PlannedBytes(Recipe recipe, DType activations, DType parameters) =>
        (3L * BatchSize * recipe.Data.ImageSize * recipe.Data.ImageSize)
        + PassPlan.Bytes(recipe, activations, parameters, BatchSize, (m, tape, images, levels) => Pass(m, tape, images, levels, recipe.Probe, 0));

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
            var pooled = _pass(new Tape(_backend, _arena), _images.Tensor, firstImage + first);
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
        _levels?.Dispose();
        Owned?.Dispose();
    }

    private void RequireFinite(ReadOnlySpan<float> features, long firstImage)
    {
        for (var i = 0; i < features.Length; i++)
        {
            if (!float.IsFinite(features[i]))
            {
                throw new LdaeException(
                    ErrorKind.Run,
                    $"The encoder's feature {i % Channels} of image {firstImage + (i / Channels)} is {features[i].ToString(CultureInfo.InvariantCulture)}.",
                    "Its weights are too large or damaged: probe another checkpoint, or an earlier --block.");
            }
        }
    }

    private PersistentTensor Images() => new(_backend, new Shape(BatchSize, _side, _side, 3), DType.U8);

    private static void Set(LatentDenoiser model, NoiseLevels levels, ProbeRecipe probe)
    {
        var schedule = model.Schedule;
        var noised = probe.Input == ProbeInput.Noised;
        levels.Set(
            Same(probe.Time), Same(noised ? schedule.Gamma(probe.Time) : 1), Same(noised ? schedule.Sigma(probe.Time) : 0), Same(1));
        static double[] Same(double value) => [.. Enumerable.Repeat(value, BatchSize)];
    }

    private static Tensor Pass(LatentDenoiser model, Tape tape, Tensor images, NoiseLevels levels, ProbeRecipe probe, long firstImage) =>
        tape.WithoutRecording(() =>
        {
            var codes = model.Tokenizer.Codes(tape, images);
            var seesOriginal = probe.Input == ProbeInput.Original && model.Recipe.Objective.Input == InputSpace.Pixels;
            var input = seesOriginal ? codes : model.Objective().Noise(tape, codes, levels, 0, firstImage);
            var block = probe.Block > 0 ? probe.Block : model.Recipe.Network.EncoderDepth;
            return [MeanPool.Apply(tape, model.Network.Encode(tape, input, levels.T, block, levels.Labels))];
        })[0];
}
