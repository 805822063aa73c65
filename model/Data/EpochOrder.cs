using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Data;

/// <summary>
/// The image of sample n of a run: entry n mod N of the shuffled order of epoch n / N, a pure function of the seed. Thread-safe.
/// <para>
/// Images in shards are shuffled as in WebDataset: the shards are shuffled, a buffer is filled from them in that order, and each
/// sample is drawn from it at random, so that a disk reads few files at a time and sequentially. Where a shard can only be read as a
/// whole, several are open at a time, and the next one replaces one that is used up.
/// </para>
/// </summary>
/// <param name="indices">The training images, rising where they lie in shards.</param>
/// <param name="seed">The run's seed.</param>
/// <param name="shardStarts">First image of each shard, rising; null where images may be read in any order.</param>
/// <param name="buffer">Images in the buffer.</param>
/// <param name="openShards">Shards that are open at a time, instead of a buffer; 0 for the buffer.</param>
public sealed class EpochOrder(
    int[] indices, ulong seed, IReadOnlyList<int>? shardStarts = null, int buffer = EpochOrder.DefaultBuffer, int openShards = 0)
{
    /// <summary>Enough to mix some shards, too few to matter on a disk.</summary>
    public const int DefaultBuffer = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<long, int[]> _orderOfEpoch = [];

    /// <summary>Images of an epoch.</summary>
    public int Count => indices.Length;

    /// <summary>The image of a sample.</summary>
    /// <param name="sample">Number of the sample, from the start of the run.</param>
    /// <returns>One of the training images.</returns>
    public int At(long sample) => Order(sample / indices.Length)[sample % indices.Length];

    private int[] Order(long epoch)
    {
        lock (_lock)
        {
            if (_orderOfEpoch.TryGetValue(epoch, out var known))
            {
                return known;
            }

            foreach (var old in _orderOfEpoch.Keys.Where(e => e < epoch - 2).ToArray())
            {
                _orderOfEpoch.Remove(old);
            }

            return _orderOfEpoch[epoch] = Shuffled(epoch);
        }
    }

    private int[] Shuffled(long epoch) =>
        shardStarts is null ? Shuffled((int[])indices.Clone(), epoch, 0)
        : openShards > 0 ? DrawnFromOpen(ShuffledShards(shardStarts, epoch), epoch)
        : Drawn([.. ShuffledShards(shardStarts, epoch).SelectMany(shard => shard)], epoch);

    /// <summary>Fisher-Yates shuffle with the random words from <paramref name="first"/> on.</summary>
    private int[] Shuffled(int[] order, long epoch, long first)
    {
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = (int)Below(epoch, first + i, i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    /// <summary>The training images of each shard, the shards shuffled.</summary>
    private IEnumerable<ArraySegment<int>> ShuffledShards(IReadOnlyList<int> starts, long epoch)
    {
        foreach (var shard in Shuffled([.. Enumerable.Range(0, starts.Count)], epoch, indices.Length))
        {
            var first = FirstFrom(starts[shard]);
            var end = shard + 1 < starts.Count ? FirstFrom(starts[shard + 1]) : indices.Length;
            yield return new ArraySegment<int>(indices, first, end - first);
        }
    }

    /// <summary>The images in the order in which they leave a buffer of shuffled shards: one is drawn at random, and the next one replaces it.</summary>
    private int[] Drawn(int[] ordered, long epoch)
    {
        var order = new int[indices.Length];
        var held = ordered[..Math.Min(buffer, ordered.Length)];
        for (int i = 0, left = held.Length; i < order.Length; i++)
        {
            var drawn = (int)Below(epoch, i, left);
            order[i] = held[drawn];
            var next = i + held.Length;
            held[drawn] = next < ordered.Length ? ordered[next] : held[--left];
        }

        return order;
    }

    /// <summary>The images in the order in which they are drawn from the open shards.</summary>
    private int[] DrawnFromOpen(IEnumerable<ArraySegment<int>> shards, long epoch)
    {
        var order = new int[indices.Length];
        var held = new List<(int Image, int Shard)>();
        var left = new List<int>();
        var open = 0;
        using var next = shards.Where(shard => shard.Count > 0).GetEnumerator();
        for (var i = 0; i < order.Length; i++)
        {
            for (; open < openShards && next.MoveNext(); open++)
            {
                held.AddRange(next.Current.Select(image => (image, left.Count)));
                left.Add(next.Current.Count);
            }

            var drawn = (int)Below(epoch, i, held.Count);
            (order[i], var shard) = held[drawn];
            held[drawn] = held[^1];
            held.RemoveAt(held.Count - 1);
            open -= --left[shard] == 0 ? 1 : 0;
        }

        return order;
    }

    /// <summary>Position of the first training image at or after an image.</summary>
    private int FirstFrom(int image)
    {
        var found = Array.BinarySearch(indices, image);
        return found >= 0 ? found : ~found;
    }

    private uint Below(long epoch, long word, int bound) => Philox.Below(Philox.Word(seed, RandomStream.Shuffle, (uint)epoch, (ulong)word), (uint)bound);
}
