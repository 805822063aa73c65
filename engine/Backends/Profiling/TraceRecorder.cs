using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>
/// Collects what took time and writes it as a Chrome trace, which chrome://tracing and ui.perfetto.dev draw: host ranges on one time
/// line, the device's work on another. It belongs to the thread that made it, and stops at a number of events so that a long run's
/// trace can still be opened.
/// </summary>
public sealed class TraceRecorder : IRangeListener, IDisposable
{
    /// <summary>Most events of a trace; about 20 MB of JSON.</summary>
    public const int MostEvents = 100_000;

    private readonly long _origin = Stopwatch.GetTimestamp();
    private readonly List<(string Process, string Thread)> _tracks = [("host", "ranges")];
    private readonly List<TraceEvent> _events = [];
    private readonly Stack<(string Name, long Bytes, double Start)> _open = new();
    private readonly IDisposable _listening;

    /// <summary>An empty trace whose time begins now; the thread's ranges go into it.</summary>
    public TraceRecorder() => _listening = Ranges.Listen(this);

    /// <summary>What was recorded, in the order in which it ended.</summary>
    public IReadOnlyList<TraceEvent> Events => _events;

    /// <summary>Whether nothing more is taken.</summary>
    public bool IsFull => _events.Count >= MostEvents;

    /// <summary>Microseconds since the trace's begin.</summary>
    public double Now => Stopwatch.GetElapsedTime(_origin).TotalMicroseconds;

    /// <summary>A time line of its own; 0 is the host's.</summary>
    /// <param name="process">What it belongs to, such as the GPU's name.</param>
    /// <param name="thread">What it shows, such as a stream.</param>
    /// <returns>Its number.</returns>
    public int Track(string process, string thread)
    {
        _tracks.Add((process, thread));
        return _tracks.Count - 1;
    }

    /// <summary>Adds an event; nothing when the trace is full.</summary>
    /// <param name="happened">The event.</param>
    public void Add(TraceEvent happened)
    {
        if (!IsFull)
        {
            _events.Add(happened);
        }
    }

    /// <inheritdoc/>
    public void Open(string name, long bytes) => _open.Push((name, bytes, Now));

    /// <inheritdoc/>
    public void Close()
    {
        if (_open.TryPop(out var range))
        {
            Add(new TraceEvent(0, "range", range.Name, range.Start, Now - range.Start, range.Bytes > 0 ? [("bytes", range.Bytes)] : []));
        }
    }

    /// <summary>Writes the trace.</summary>
    /// <param name="file">Path.</param>
    public void Write(string file)
    {
        using var stream = File.Create(file);
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartArray("traceEvents");
        for (var track = 0; track < _tracks.Count; track++)
        {
            WriteName(json, track, "process_name", _tracks[track].Process);
            WriteName(json, track, "thread_name", _tracks[track].Thread);
        }

        foreach (var happened in _events)
        {
            Write(json, happened);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Hears no more ranges.</summary>
    public void Dispose() => _listening.Dispose();

    private static void WriteName(Utf8JsonWriter json, int track, string what, string name)
    {
        json.WriteStartObject();
        json.WriteString("ph", "M");
        json.WriteString("name", what);
        json.WriteNumber("pid", track);
        json.WriteNumber("tid", 0);
        json.WriteStartObject("args");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, TraceEvent happened)
    {
        json.WriteStartObject();
        json.WriteString("name", happened.Name);
        json.WriteString("cat", happened.Category);
        json.WriteString("ph", "X");
        json.WriteNumber("ts", Math.Round(happened.Start, 3));
        json.WriteNumber("dur", Math.Round(happened.Duration, 3));
        json.WriteNumber("pid", happened.Track);
        json.WriteNumber("tid", 0);
        if (happened.Arguments.Count > 0)
        {
            json.WriteStartObject("args");
            foreach (var (name, value) in happened.Arguments)
            {
                if (value is int or long)
                {
                    json.WriteNumber(name, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                }
                else
                {
                    json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                }
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
