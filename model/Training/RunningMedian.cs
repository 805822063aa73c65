namespace LDaeCore.Model.Training;

/// <summary>
/// The median of numbers that come one by one, without sorting them again for each: the lower half and the upper half stand in a heap
/// each, and the upper one's least is the median. A number costs log n. All of the first 65,536 count and of later ones ever fewer, so
/// that a run of any length keeps some megabytes at most.
/// </summary>
/// <param name="skip">How many numbers at the start are left out once there are more: steps in which code is compiled and memory touched.</param>
internal sealed class RunningMedian(int skip)
{
    private const int Exact = 1 << 16;

    private readonly PriorityQueue<double, double> _lower = new(), _upper = new();
    private double _last;

    /// <summary>Numbers so far, those left out among them.</summary>
    public int Count { get; private set; }

    /// <summary>Numbers that are kept.</summary>
    public int Kept => _lower.Count + _upper.Count;

    /// <summary>The median, the higher of two middle ones; of no more numbers than are left out, the last; of none, 0.</summary>
    public double Value => _upper.Count > 0 ? _upper.Peek() : _last;

    /// <summary>Adds a number.</summary>
    /// <param name="number">The number.</param>
    public void Add(double number)
    {
        _last = number;
        if (++Count <= skip || (Count > Exact && Count % (1 + (Count / Exact)) != 0))
        {
            return;
        }

        // By way of the lower heap, so that no number of it is above one of the upper.
        var highest = _lower.EnqueueDequeue(number, -number);
        _upper.Enqueue(highest, highest);
        if (_upper.Count > _lower.Count + 1)
        {
            var least = _upper.Dequeue();
            _lower.Enqueue(least, -least);
        }
    }
}
