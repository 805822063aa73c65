using LDaeCore.Engine.Optim;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// When a run ends and which learning rate a step has. Counted in steps (<c>train.steps</c>, or <c>train.epochs</c>), both are a
/// pure function of the step. With <c>train.minutes</c> alone time counts; with epochs as well, the share of the time that is spent counts, where it is ahead of the share
/// of the steps: the schedule always reaches its end.
/// </summary>
/// <param name="train">The recipe's numbers.</param>
/// <param name="images">Number of training images.</param>
public sealed class RunLength(TrainRecipe train, int images)
{
    // A share of the run in whole parts, for the schedule that counts in steps.
    private const long Parts = 1L << 40;

    /// <summary>Steps of the run, unless its minutes end it before; as many as a number holds where minutes alone do.</summary>
    public long Steps { get; } = train.Steps
        ?? (train.ResolvedEpochs is { } epochs ? Math.Max(1, (long)Math.Round(epochs * images / train.Batch)) : long.MaxValue);

    /// <summary>Whether time may end the run.</summary>
    public bool IsTimed => train.Steps is null && train.Minutes is not null;

    /// <summary>Share of the run that is done.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="seconds">Time spent.</param>
    /// <returns>0 to 1; 1 ends the run.</returns>
    public double Done(long step, double seconds)
    {
        var share = (double)step / Steps;
        return Math.Min(1, IsTimed ? Math.Max(share, seconds / (60 * train.Minutes!.Value)) : share);
    }

    /// <summary>Learning rate of a step.</summary>
    /// <param name="step">Steps done before it.</param>
    /// <param name="seconds">Time spent before it.</param>
    /// <returns>The rate.</returns>
    public double LearningRate(long step, double seconds) => IsTimed
        ? LearningRateSchedule.At((long)(Done(step, seconds) * Parts), Parts, (long)(train.Warmup * Parts), train.Lr)
        : LearningRateSchedule.At(step, Steps, (long)Math.Round(train.Warmup * Steps), train.Lr);

    /// <summary>Steps expected in all, as far as one can tell.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="seconds">Time spent.</param>
    /// <returns>The number.</returns>
    public long ExpectedSteps(long step, double seconds)
    {
        var done = Done(step, seconds);
        return !IsTimed ? Steps : done > 0 ? Math.Min(Steps, Math.Max(step, (long)(step / done))) : Steps;
    }
}

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
