using System.Diagnostics;

namespace LDaeCore.TorchRival;

/// <summary>Times of the same work done again and again: median and quartiles, after a warm-up.</summary>
internal sealed record Samples(double Median, double Low, double High, int Count)
{
    /// <summary>Runs the work until both the number and the seconds are reached.</summary>
    public static Samples Take(Action work, int warmUp, int least, double seconds)
    {
        for (var i = 0; i < warmUp; i++)
        {
            work();
        }

        var times = new List<double>();
        var start = Stopwatch.GetTimestamp();
        while (times.Count < least || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
        {
            var before = Stopwatch.GetTimestamp();
            work();
            times.Add(Stopwatch.GetElapsedTime(before).TotalSeconds);
        }

        times.Sort();
        return new Samples(times[times.Count / 2], times[times.Count / 4], times[times.Count * 3 / 4], times.Count);
    }
}
