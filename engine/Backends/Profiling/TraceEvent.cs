namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>Something that took time.</summary>
/// <param name="Track">The time line it is drawn on: see <see cref="TraceRecorder.Track"/>.</param>
/// <param name="Category">Kind: range, kernel, product, copy, primitive.</param>
/// <param name="Name">Name.</param>
/// <param name="Start">Begin, microseconds since the trace's.</param>
/// <param name="Duration">Length, microseconds.</param>
/// <param name="Arguments">What there is to know about it: names, and text or numbers.</param>
public sealed record TraceEvent(int Track, string Category, string Name, double Start, double Duration, params IReadOnlyList<(string Name, object Value)> Arguments);
