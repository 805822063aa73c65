using System.Diagnostics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>Times each primitive of a backend.</summary>
/// <param name="inner">Who computes.</param>
/// <param name="trace">Gets each call as an event, or null.</param>
public sealed class ProfilingBackend(IBackend inner, TraceRecorder? trace = null) : ObservedBackend(inner)
{
    private readonly Dictionary<string, (long Calls, long Ticks)> _times = [];
    private readonly int _track = trace?.Track(inner.Kind.ToString(), "primitives") ?? 0;

    /// <summary>Calls and seconds of each primitive since the start or the last <see cref="Clear"/>.</summary>
    public IEnumerable<(string Primitive, long Calls, double Seconds)> Times =>
        _times.Select(t => (t.Key, t.Value.Calls, (double)t.Value.Ticks / TimeSpan.TicksPerSecond));

    /// <summary>Forgets all times.</summary>
    public void Clear() => _times.Clear();

    /// <inheritdoc/>
    protected override void After(string primitive, long start, params ReadOnlySpan<Tensor?> results)
    {
        Synchronize();
        var elapsed = Stopwatch.GetElapsedTime(start);
        _times.TryGetValue(primitive, out var sum);
        _times[primitive] = (sum.Calls + 1, sum.Ticks + elapsed.Ticks);
        trace?.Add(new TraceEvent(_track, "primitive", primitive, trace.Now - elapsed.TotalMicroseconds, elapsed.TotalMicroseconds, []));
    }
}
