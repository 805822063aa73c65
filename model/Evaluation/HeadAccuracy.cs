using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;

namespace LDaeCore.Model.Evaluation;

/// <summary>How often a classifier's own head names the class of images.</summary>
public static class HeadAccuracy
{
    private const int BatchSize = 64, Wide = 5;

    /// <summary>Judges a classifier on centre crops.</summary>
    /// <param name="classifier">The classifier.</param>
    /// <param name="source">The images; their classes are those it was trained on.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images, which are left out; none is allowed when not given.</param>
    /// <param name="cancellation">Asks to stop before the next batch.</param>
    /// <returns>The accuracy; of equal logits the first class counts as the higher.</returns>
    public static ClassificationAccuracy Of(
        IClassifier classifier, IImageSource source, int workers, BadSamples? bad = null, CancellationToken cancellation = default)
    {
        var (backend, side, classes) = (classifier.Backend, classifier.ImageSize, classifier.Classes);
        using var images = new PersistentTensor(backend, new Shape(BatchSize, side, side, PatchPixels.Channels), DType.U8);
        using var arena = new StepArena(backend, PassBytes(classifier), StepArena.DefaultMode);
        var (first, five, count) = (0, 0, 0);
        foreach (var batch in CenterBatches.Read(source, [.. Enumerable.Range(0, source.Count)], side, BatchSize, workers, bad, cancellation))
        {
            var bytes = new byte[images.Tensor.Bytes];
            batch.Filled.CopyTo(bytes);
            backend.Upload<byte>(bytes, images.Tensor);
            var tape = new Tape(backend, arena);
            var logits = tape.WithoutRecording(() => [classifier.Logits(tape, images.Tensor)])[0].ReadFloats(backend);
            arena.Reset();
            for (var i = 0; i < batch.Count; i++, count++)
            {
                var rank = Rank(logits.AsSpan(i * classes, classes), batch.Labels[i]);
                first += rank == 0 ? 1 : 0;
                five += rank < Wide ? 1 : 0;
            }
        }

        return new ClassificationAccuracy(100.0 * first / Math.Max(1, count), 100.0 * five / Math.Max(1, count));
    }

    /// <summary>How many classes stand before one.</summary>
    private static int Rank(ReadOnlySpan<float> logits, int label)
    {
        if (label >= logits.Length)
        {
            return int.MaxValue;
        }

        var rank = 0;
        for (var k = 0; k < logits.Length; k++)
        {
            rank += logits[k] > logits[label] || (k < label && logits[k] >= logits[label]) ? 1 : 0;
        }

        return rank;
    }

    private static long PassBytes(IClassifier classifier)
    {
        using var backend = new PlanBackend(classifier.Backend.ActivationType, classifier.Backend.ParameterType);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        using var images = new PersistentTensor(backend, new Shape(BatchSize, classifier.ImageSize, classifier.ImageSize, PatchPixels.Channels), DType.U8);
        var tape = new Tape(backend, arena);
        tape.WithoutRecording(() => [classifier.Logits(tape, images.Tensor)]);
        return arena.Peak;
    }
}
