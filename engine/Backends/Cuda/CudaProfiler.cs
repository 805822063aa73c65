using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Times each launch of a stream by a pair of the device's own events and puts it on a time line of a trace. The events are read in
/// batches, so the stream runs ahead of the processor as it does otherwise; a pair adds about a microsecond to what it measures.
/// </summary>
internal sealed class CudaProfiler : ILaunchObserver, IDisposable
{
    private const int Batch = 1024;

    private readonly CudaStream _stream;
    private readonly TraceRecorder _trace;
    private readonly int _track;
    private readonly Stack<CudaEvent> _free = new();
    private readonly List<(LaunchFacts Launch, CudaEvent Start, CudaEvent End)> _pending = [];
    private CudaEvent? _started;

    // An event in the past and its time in the trace: the device's clock is read against it only.
    private CudaEvent _known;
    private double _knownTime;

    /// <summary>Begins to observe.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="trace">Where the times go.</param>
    public CudaProfiler(CudaStream stream, TraceRecorder trace)
    {
        _stream = stream;
        _trace = trace;
        _track = trace.Track(stream.Context.Device.Name, "kernels, by CUDA events");
        _known = Take();
        stream.Synchronize();
        _known.Record(stream);
        _known.Synchronize();
        _knownTime = trace.Now;
        stream.Observer = this;
    }

    /// <inheritdoc/>
    public void Before()
    {
        _started = Take();
        _started.Record(_stream);
    }

    /// <inheritdoc/>
    public void After(LaunchFacts launch)
    {
        var end = Take();
        end.Record(_stream);
        _pending.Add((launch, _started!, end));
        if (_pending.Count == Batch)
        {
            Read();
            if (_trace.IsFull)
            {
                _stream.Observer = null;
            }
        }
    }

    /// <summary>Reads what is still to be read, and observes no more.</summary>
    public void Dispose()
    {
        _stream.Observer = null;
        try
        {
            Read();
        }
        catch (LdaeException)
        {
            // A device that failed has no times any more; what it failed with is reported by who asked for the work.
        }

        foreach (var made in _free.Concat(_pending.SelectMany(p => (CudaEvent[])[p.Start, p.End])).Append(_known))
        {
            made.Dispose();
        }
    }

    private void Read()
    {
        if (_pending.Count == 0)
        {
            return;
        }

        _stream.Synchronize();

        // Elapsed times are float32 milliseconds: from an event of this batch they have the resolution that one of long ago would cost.
        var first = _pending[0].Start;
        var origin = _knownTime + Microseconds(_known, first);
        foreach (var (launch, start, end) in _pending)
        {
            _trace.Add(launch.At(_track, origin + Microseconds(first, start), Microseconds(start, end)));
        }

        var last = _pending[^1].End;
        _knownTime = origin + Microseconds(first, last);
        _free.Push(_known);
        _known = last;
        foreach (var (_, start, end) in _pending)
        {
            _free.Push(start);
            if (end != last)
            {
                _free.Push(end);
            }
        }

        _pending.Clear();
    }

    private static double Microseconds(CudaEvent from, CudaEvent to) => 1000.0 * to.MillisecondsSince(from);

    private CudaEvent Take() => _free.TryPop(out var free) ? free : new CudaEvent(_stream.Context);
}
