using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Optim;

/// <summary>
/// Updates the parameters of a set by their gradients. A step may be recorded by a device and replayed: what changes from step to step, the learning rate
/// and corrections for the step's number, then comes from a few bytes of device memory of this optimizer's own, so that one recording may hold the steps of several.
/// </summary>
public abstract class Optimizer : IDisposable
{
    // Learning rate, two corrections, and one to fill 16 bytes.
    private const int ScheduleLength = 4;

    private readonly OptimizerOptions _options;
    private readonly IReadOnlyList<Segment> _segments;
    private PersistentTensor? _schedule;
    private double _rate;

    private protected Optimizer(ParameterSet parameters, OptimizerOptions options, IReadOnlyList<Segment> segments)
    {
        (Parameters, _options, _segments) = (parameters, options, segments);
        if (options.AverageDecay > 0)
        {
            Average = parameters.NewFlat();
            Backend.Copy(parameters.Values, Average);
        }
    }

    /// <summary>The parameters to update.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Steps done; set it when training continues from a checkpoint.</summary>
    public long Steps { get; set; }

    /// <summary>
    /// Moving average of the parameters, flat, with <see cref="OptimizerOptions.AverageDecay"/>; null without. It starts from the values that the parameters
    /// have when the optimizer is made.
    /// </summary>
    public Tensor? Average { get; }

    /// <summary>The tensors that the next step depends on, without parameters and average, by their names in checkpoints.</summary>
    public abstract IReadOnlyList<(string Name, Tensor Value)> State { get; }

    /// <summary>Bytes of the state and of tables of settings, for the memory plan; without the average.</summary>
    public long Bytes => State.Sum(entry => entry.Value.Bytes) + Tables.Sum(table => table.Bytes);

    /// <summary>The device of the parameters.</summary>
    protected IBackend Backend => Parameters.Backend;

    private protected virtual IEnumerable<Tensor> Tables => [];

    /// <summary>Whether <see cref="Launch"/> updates the average and the rounded copy too.</summary>
    private protected virtual bool IsFused => false;

    private protected double AverageDecay => _options.AverageDecay;

    private protected Tensor? ClipScale => _options.ClipScale;

    /// <summary>One step.</summary>
    /// <param name="rate">Learning rate.</param>
    public void Step(double rate)
    {
        _rate = rate;
        Update();
        Steps++;
    }

    /// <summary>One step whose work on the device may be a replay.</summary>
    /// <param name="rate">Learning rate.</param>
    /// <param name="update">Calls <see cref="Update"/>, or replays a recording of it.</param>
    public void Step(double rate, Action update)
    {
        Begin(rate);
        update();
        Steps++;
    }

    /// <summary>
    /// Gives the next <see cref="Update"/>, direct or replayed, its numbers. Where one recording holds the updates of several optimizers, each begins, the
    /// recording is replayed, and the caller counts their <see cref="Steps"/>.
    /// </summary>
    /// <param name="rate">Learning rate.</param>
    public void Begin(double rate)
    {
        _rate = rate;
        if (Backend is IDeviceBackend)
        {
            SendSchedule();
        }
    }

    /// <summary>A step's work on the device alone, for recording and for warm-up.</summary>
    public void Update()
    {
        for (var i = 0; i < _segments.Count; i++)
        {
            Launch(_segments[i], _rate * _segments[i].RateScale, _schedule?.Tensor.Slice(i * ScheduleLength, ScheduleLength));
        }

        if (IsFused)
        {
            return;
        }

        if (Average is not null)
        {
            Backend.Ema(Parameters.Values, AverageDecay, Average);
        }

        if (Parameters.Rounded is { } rounded)
        {
            Backend.Copy(Parameters.Values, rounded);
        }
    }

    /// <summary>Frees the memory that does not belong to the parameter set.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected virtual void Dispose(bool disposing) => _schedule?.Dispose();

    /// <summary>Updates the elements of a segment.</summary>
    /// <param name="segment">The elements.</param>
    /// <param name="rate">Their learning rate.</param>
    /// <param name="schedule">Where recorded work reads the numbers of <see cref="WriteNumbers"/>, or null.</param>
    private protected abstract void Launch(in Segment segment, double rate, Tensor? schedule);

    /// <summary>The numbers of a step as a kernel takes them.</summary>
    /// <param name="rate">Learning rate of the segment.</param>
    /// <param name="numbers">At least three; zeros before.</param>
    private protected virtual void WriteNumbers(double rate, Span<float> numbers) => numbers[0] = (float)rate;

    /// <summary>A flat buffer's elements of a segment.</summary>
    private protected static Tensor Part(Tensor flat, in Segment segment) =>
        segment.Count == flat.Shape.Count ? flat : flat.Slice(segment.First, segment.Count);

    /// <summary>All elements in one.</summary>
    private protected static IReadOnlyList<Segment> Whole(ParameterSet parameters, double rateScale, double decay) =>
        [new Segment(0, checked((int)parameters.FlatCount), rateScale, decay, IsMatrix: true)];

    /// <summary>Each parameter separately, without the padding.</summary>
    private protected static IReadOnlyList<Segment> Each(ParameterSet parameters, OptimizerOptions options) =>
        [.. parameters.All.Select(p => (Parameter: p, Settings: options.Settings(p)))
            .Select(p => new Segment(
                checked((int)p.Parameter.Offset), checked((int)p.Parameter.Shape.Count), p.Settings.RateScale, p.Settings.WeightDecay, p.Parameter.Decays))];

    /// <summary>Neighbouring parameters of equal settings together, with the elements between them.</summary>
    private protected static IReadOnlyList<Segment> Runs(ParameterSet parameters, OptimizerOptions options)
    {
        var runs = new List<Segment>();
        foreach (var next in Each(parameters, options))
        {
            if (runs.Count > 0 && runs[^1] is var last && (last.RateScale, last.WeightDecay) == (next.RateScale, next.WeightDecay))
            {
                runs[^1] = last with { Count = next.First + next.Count - last.First };
            }
            else
            {
                runs.Add(next);
            }
        }

        return runs;
    }

    private void SendSchedule()
    {
        _schedule ??= new PersistentTensor(Backend, new Shape(_segments.Count * ScheduleLength), DType.F32);
        var numbers = new float[_segments.Count * ScheduleLength];
        for (var i = 0; i < _segments.Count; i++)
        {
            WriteNumbers(_rate * _segments[i].RateScale, numbers.AsSpan(i * ScheduleLength, ScheduleLength));
        }

        Backend.Upload<float>(numbers, _schedule.Tensor);
    }

    /// <summary>Elements of the flat buffers that one launch updates.</summary>
    private protected readonly record struct Segment(int First, int Count, double RateScale, double WeightDecay, bool IsMatrix);
}
