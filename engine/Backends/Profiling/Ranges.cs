namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>
/// Names for the work of a thread, for time lines: a trace, NVIDIA's tools. Listeners belong to the thread
/// that called <see cref="Listen"/>, so ranges nest by construction. Without a listener a range costs one comparison and allocates nothing.
/// </summary>
public static class Ranges
{
    [ThreadStatic]
    private static IRangeListener[]? _listeners;

    /// <summary>Opens a range: <c>using var range = Ranges.Open("forward");</c></summary>
    /// <param name="name">What is done; few different names, as listeners may keep them.</param>
    /// <param name="bytes">Bytes it moves, or 0.</param>
    /// <returns>The open range.</returns>
    public static RangeScope Open(string name, long bytes = 0)
    {
        if (_listeners is not { } listeners)
        {
            return default;
        }

        foreach (var listener in listeners)
        {
            listener.Open(name, bytes);
        }

        return new RangeScope(listeners);
    }

    /// <summary>Tells a listener of this thread's ranges from now on; one that is told already is not told twice.</summary>
    /// <param name="listener">The listener.</param>
    /// <returns>Ends it when disposed, on the same thread.</returns>
    public static IDisposable Listen(IRangeListener listener)
    {
        var known = _listeners ?? [];
        if (known.Contains(listener))
        {
            return new Listening(null);
        }

        _listeners = [.. known, listener];
        return new Listening(listener);
    }

    private sealed class Listening(IRangeListener? listener) : IDisposable
    {
        public void Dispose()
        {
            if (listener is not null && _listeners is { } listeners)
            {
                IRangeListener[] left = [.. listeners.Where(other => other != listener)];
                _listeners = left.Length == 0 ? null : left;
            }
        }
    }
}
