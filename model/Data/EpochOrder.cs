using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Data;

/// <summary>
/// Which image is sample n of a run: entry n mod N of the shuffled order of epoch n / N, a pure function of the seed. May be asked from
/// several threads at once.
/// </summary>
/// <param name="indices">The training images.</param>
/// <param name="seed">The run's seed.</param>
public sealed class EpochOrder(int[] indices, ulong seed)
{
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

    private int[] Shuffled(long epoch)
    {
        var order = (int[])indices.Clone();
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = (int)Philox.Below(Philox.Word(seed, RandomStream.Shuffle, (uint)epoch, (ulong)i), (uint)i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }
}
