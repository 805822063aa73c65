using System.Text.Json.Serialization;
using LDaeCore.Engine.Backends;

namespace LDaeCore.Bench;

/// <summary>One line of a report: something that was done again and again, how long it took, and how near that is to what the machine can do.</summary>
internal sealed record ResultRow
{
    // The first is patches and noise in one pass.
    private static readonly string[] NoiseAndLossPrimitives =
        [nameof(IKernels.LatentNoiseFromImages), nameof(IKernels.LatentNoise), nameof(IKernels.PcaLoss), nameof(IKernels.SquaredError)];

    /// <summary>An op case, a step, a limit: what rivals and earlier runs are matched by, together with <see cref="Pass"/>.</summary>
    public required string Name { get; init; }

    /// <summary>forward, backward, step, images or limit.</summary>
    public required string Pass { get; init; }

    /// <summary>Median time, seconds.</summary>
    public required double MedianS { get; init; }

    /// <summary>First quartile, seconds.</summary>
    public required double LowS { get; init; }

    /// <summary>Third quartile, seconds.</summary>
    public required double HighS { get; init; }

    /// <summary>Times taken.</summary>
    public int Samples { get; init; }

    /// <summary>Floating-point operations, or null where they do not count.</summary>
    public double? Flops { get; init; }

    /// <summary>Bytes read and written at least, or null.</summary>
    public double? Bytes { get; init; }

    /// <summary>Share of the binding limit, 0 to 1: the least time that the limits allow over the median.</summary>
    public double? Share { get; init; }

    /// <summary>Which limit binds: compute or memory.</summary>
    public string? Limit { get; init; }

    /// <summary>Most registers a thread of the kernels involved; null off the GPU.</summary>
    public int? Registers { get; init; }

    /// <summary>Most local memory a thread, bytes: spills, and arrays that found no registers. Null off the GPU.</summary>
    public int? LocalBytes { get; init; }

    /// <summary>Images a second, where images are what is counted.</summary>
    public double? ImagesPerSecond { get; init; }

    /// <summary>Trained values of a step's network.</summary>
    public long? Parameters { get; init; }

    /// <summary>Resident set of the process at its highest, or device memory held; bytes.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>Seconds of a step by primitive, from a pass of its own with a wait after each.</summary>
    public IReadOnlyDictionary<string, double>? Families { get; init; }

    /// <summary>Share of a step that latent noise and loss take together, 0 to 1; by <see cref="Families"/>.</summary>
    public double? NoiseAndLoss => Families is { Count: > 0 } times ? NoiseAndLossPrimitives.Sum(name => times.GetValueOrDefault(name)) / times.Values.Sum() : null;

    /// <summary>Who did the same work, or null.</summary>
    public string? Rival { get; init; }

    /// <summary>The rival's median, seconds.</summary>
    public double? RivalS { get; init; }

    /// <summary>How many times as fast as the rival.</summary>
    [JsonIgnore]
    public double? Ratio => RivalS / MedianS;

    /// <summary>Quartile distance over the median: how much the times scatter.</summary>
    [JsonIgnore]
    public double Spread => (HighS - LowS) / MedianS;

    /// <summary>A row from times.</summary>
    /// <param name="name">What was done.</param>
    /// <param name="pass">Which part of it.</param>
    /// <param name="seconds">Times, in any order; at least one.</param>
    public static ResultRow Of(string name, string pass, IEnumerable<double> seconds)
    {
        double[] sorted = [.. seconds.Order()];
        return new ResultRow
        {
            Name = name,
            Pass = pass,
            MedianS = sorted[sorted.Length / 2],
            LowS = sorted[sorted.Length / 4],
            HighS = sorted[sorted.Length * 3 / 4],
            Samples = sorted.Length,
        };
    }
}
