using System.Collections.Concurrent;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>
/// Training batches, decoded and augmented on other threads ahead of the step. The images of a step are a pure function
/// of seed and step (see <see cref="EpochOrder"/>), so a run resumes at a step, and the data do not depend on the number of threads.
/// </summary>
public sealed class BatchLoader : IImageBatches, IDisposable
{
    private const int Ahead = 2;

    private readonly IImageSource _source;
    private readonly EpochOrder _order;
    private readonly Augmentation _augmentation;
    private readonly BatchPart _part;
    private readonly ulong _seed;
    private readonly BadSamples _bad;
    private readonly RgbImage?[]? _cache;
    private long _cacheRoom;
    private readonly ConcurrentBag<ImageBatch> _free = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<long, Task<ImageBatch>> _pending = [];
    private readonly int _workers;
    private long _next;

    /// <summary>Starts to decode.</summary>
    /// <param name="source">The images.</param>
    /// <param name="indices">The images to train on.</param>
    /// <param name="augmentation">The transformation of each.</param>
    /// <param name="batch">Images of a step.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="firstStep">Step of the first batch.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images; none is allowed when not given.</param>
    /// <param name="cacheBytes">Bytes of decoded images to keep for the next epochs; see <see cref="DecodedImages"/>.</param>
    /// <param name="part">The part of each batch to decode; all when not given.</param>
    public BatchLoader(
        IImageSource source,
        int[] indices,
        Augmentation augmentation,
        int batch,
        ulong seed,
        long firstStep = 0,
        int workers = 2,
        BadSamples? bad = null,
        long cacheBytes = 0,
        BatchPart? part = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(indices.Length, nameof(indices));
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        (_source, _augmentation, _seed, _next, _workers) = (source, augmentation, seed, firstStep, workers);
        _order = new EpochOrder(indices, seed, source.ShardStarts, openShards: source.OpenShards);
        _part = part ?? BatchPart.All(batch);
        _bad = bad ?? new BadSamples();
        (_cache, _cacheRoom) = (cacheBytes > 0 ? new RgbImage?[source.Count] : null, cacheBytes);
        for (var ahead = 0; ahead < Ahead; ahead++)
        {
            Start(firstStep + ahead);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="LdaeException">Data: more images are unreadable than allowed.</exception>
    public ImageBatch Next()
    {
        using var range = Ranges.Open("load");
        var step = _next++;
        var batch = _pending[step].GetAwaiter().GetResult();
        _pending.Remove(step);
        Start(step + Ahead);
        return batch;
    }

    /// <inheritdoc/>
    public void Return(ImageBatch batch) => _free.Add(batch);

    /// <summary>Stops the threads.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        try
        {
            Task.WaitAll(_pending.Values);
        }
        catch (AggregateException)
        {
            // Cancelled, or a damaged image of a batch that is not used.
        }

        _stop.Dispose();
    }

    private void Start(long step) => _pending[step] = Task.Run(() => Fill(step));

    private ImageBatch Fill(long step)
    {
        var batch = _free.TryTake(out var used) ? used : new ImageBatch(_part.Count, _augmentation.Size);
        (batch.Step, batch.Count) = (step, _part.Count);
        var options = new ParallelOptions { MaxDegreeOfParallelism = _workers, CancellationToken = _stop.Token };
        try
        {
            Parallel.For(0, _part.Count, options, place => FillPlace(batch, place));
        }
        catch (AggregateException several) when (several.InnerExceptions.OfType<LdaeException>().FirstOrDefault() is { } known)
        {
            throw known;
        }

        return batch;
    }

    private void FillPlace(ImageBatch batch, int place)
    {
        // An unreadable image is replaced by the next in the order: the same one in every run.
        var first = (batch.Step * _part.Batch) + _part.First + place;
        for (var sample = first; sample < first + (2L * _order.Count); sample++)
        {
            var index = _order.At(sample);
            if (_bad.Try(_source, index, () => Decode(index)) is not { } image)
            {
                continue;
            }

            batch.Labels[place] = _source.Label(index);
            batch.Indices[place] = index;
            _augmentation.Apply(image, _seed, (uint)batch.Step, _part.First + place, batch.Image(place));
            return;
        }

        throw new LdaeException(ErrorKind.Data, $"No image of {_source.Name} can be read.", "Check the files that the log names.");
    }

    private RgbImage Decode(int index)
    {
        if (_cache?[index] is { } kept)
        {
            return kept;
        }

        var image = _source.Decode(index);
        if (_cache is not null && (Interlocked.Add(ref _cacheRoom, -image.Pixels.Length) < 0 || Interlocked.CompareExchange(ref _cache[index], image, null) is not null))
        {
            // The cache is full, or another thread has added the image.
            Interlocked.Add(ref _cacheRoom, image.Pixels.Length);
        }

        return image;
    }
}
