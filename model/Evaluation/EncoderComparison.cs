using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;

namespace LDaeCore.Model.Evaluation;

/// <summary>
/// An encoder's features and those of its two controls, from the same images under the same protocol: the raw pixels, and the
/// same encoder at a random start.
/// </summary>
/// <param name="encoder">The encoder.</param>
/// <param name="training">Training images.</param>
/// <param name="test">Test images.</param>
/// <param name="holdOut">Share of the training images held out for a probe's choices.</param>
/// <param name="controlSeed">Seed of the random start.</param>
public sealed class EncoderComparison(IEncoder encoder, IImageSource training, IImageSource test, double holdOut, ulong controlSeed)
{
    /// <summary>Largest side at which pixels are read; larger images are resized to it, or their pixels would not fit in memory.</summary>
    public const int MostPixelSide = 64;

    /// <summary>Threads that decode images.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>Counts unreadable images, which are left out; none is allowed unless it says so.</summary>
    public BadSamples Bad { get; init; } = new();

    /// <summary>Asks to stop: between batches, rows of neighbours and steps of a probe.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>
    /// The processes that share the work; one when not given. Each computes the features of a part of the images, and all get all of them. All make the
    /// same calls in the same order.
    /// </summary>
    public ICommunicator Group { get; init; } = SingleProcess.Instance;

    /// <summary>Number of classes: shards do not say how many, so either split may have seen more.</summary>
    public int Classes => Math.Max(training.ClassNames.Count, test.ClassNames.Count);

    /// <summary>The training images.</summary>
    public IImageSource TrainingImages => training;

    /// <summary>The test images.</summary>
    public IImageSource TestImages => test;

    /// <summary>Side at which the encoder sees images, pixels.</summary>
    public int ImageSize => encoder.ImageSize;

    /// <summary>Features of the trained encoder.</summary>
    /// <returns>Of the training and of the test images.</returns>
    public (FeatureSet Training, FeatureSet Test) Trained() => Encode(new FeatureExtractor(encoder));

    /// <summary>Features of the same encoder at a random start.</summary>
    /// <returns>Of the training and of the test images.</returns>
    public (FeatureSet Training, FeatureSet Test) RandomEncoder() => Encode(new FeatureExtractor(encoder.Random(controlSeed), ownsEncoder: true));

    /// <summary>Pixels as features.</summary>
    /// <returns>Of the training and of the test images.</returns>
    public (FeatureSet Training, FeatureSet Test) Pixels() => (Pixels(training), Pixels(test));

    /// <summary>Accuracy of weighted nearest neighbours on normalised features; rank 0 alone looks for them, and the others get 0.</summary>
    /// <param name="features">Of the training and of the test images.</param>
    /// <returns>The accuracy.</returns>
    public ClassificationAccuracy NearestNeighbours((FeatureSet Training, FeatureSet Test) features)
    {
        if (Group.Rank > 0)
        {
            return default;
        }

        var normalization = new FeatureNormalization(features.Training);
        var (known, asked) = (normalization.Apply(features.Training), normalization.Apply(features.Test));
        return new KNearestNeighbours(known.Values, known.Labels, known.Channels, Classes) { Cancellation = Cancellation }.Evaluate(asked.Values, asked.Labels);
    }

    /// <summary>The training images most like some test images, by cosine similarity of normalised features.</summary>
    /// <param name="features">Of the training and of the test images.</param>
    /// <param name="rows">Which test rows.</param>
    /// <param name="count">How many neighbours of each.</param>
    /// <returns>Of each test row its nearest training rows, nearest first.</returns>
    public IReadOnlyList<(int Index, float Similarity)[]> Nearest((FeatureSet Training, FeatureSet Test) features, IReadOnlyList<int> rows, int count)
    {
        var normalization = new FeatureNormalization(features.Training);
        var (known, asked) = (normalization.Apply(features.Training), normalization.Apply(features.Test.Select(rows)));
        return new KNearestNeighbours(known.Values, known.Labels, known.Channels, Classes) { Neighbours = count, Cancellation = Cancellation }.Find(asked.Values);
    }

    /// <summary>The linear probe.</summary>
    /// <param name="backend">Who computes.</param>
    /// <param name="features">Of the training and of the test images.</param>
    /// <param name="seed">Seed of the probe.</param>
    /// <param name="onTried">Told of each length tried.</param>
    /// <param name="group">The processes with their backends, where they have a way of their own; <see cref="Group"/> when not given.</param>
    /// <returns>What it found.</returns>
    /// <exception cref="LdaeException">Data: no image can be held out for the choices.</exception>
    public ProbeResult Linear(
        IBackend backend, (FeatureSet Training, FeatureSet Test) features, ulong seed, Action<ProbeChoice, double>? onTried = null, ICommunicator? group = null)
    {
        var share = holdOut;
        if (HoldOut.Split(features.Training.Labels, share, seed) is not { Train.Length: > 0, HeldOut.Length: > 0 })
        {
            throw new LdaeException(
                ErrorKind.Data,
                $"A linear probe's settings cannot be chosen: of the {features.Training.Count} images of {training.Name}, data.holdOut = {share} holds out none.",
                "Give a training set with two images or more of some class and a run with data.holdOut above 0, or use --method knn.");
        }

        return new LinearProbe(backend, Classes, seed) { HeldOut = share, OnTried = onTried, Cancellation = Cancellation, Group = group ?? Group }
            .Run(features.Training, features.Test);
    }

    private (FeatureSet Training, FeatureSet Test) Encode(FeatureExtractor opened)
    {
        using var extractor = opened;
        return (Of(training), Of(test));

        FeatureSet Of(IImageSource source)
        {
            var part = Part(source);
            return SharedFeatures.Gather(Group, extractor.Extract(source, part, Workers, Bad, part.FirstOrDefault(), Cancellation));
        }
    }

    private FeatureSet Pixels(IImageSource source)
    {
        var side = Math.Min(encoder.ImageSize, MostPixelSide);
        var range = encoder.Range;
        var values = new List<float>();
        var labels = new List<int>();
        foreach (var batch in CenterBatches.Read(source, Part(source), side, workers: Workers, bad: Bad, cancellation: Cancellation))
        {
            var pixels = batch.Filled;
            for (var i = 0; i < pixels.Length; i++)
            {
                values.Add((float)((pixels[i] * range.Factor[i % 3]) + range.Offset[i % 3]));
            }

            labels.AddRange(batch.Labels.AsSpan(0, batch.Count));
        }

        return SharedFeatures.Gather(Group, new FeatureSet([.. values], [.. labels], side * side * 3));
    }

    /// <summary>The images of this process.</summary>
    private int[] Part(IImageSource source)
    {
        var (from, to) = SharedFeatures.Part(Group, source.Count);
        return [.. Enumerable.Range(from, to - from)];
    }
}
