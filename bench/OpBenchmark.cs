using BenchmarkDotNet.Attributes;

namespace LDaeCore.Bench;

/// <summary>What BenchmarkDotNet runs: one pass of the case it is given.</summary>
public class OpBenchmark
{
    /// <summary>The passes to time; set before the run, as parameters come from a static member.</summary>
    public static IReadOnlyList<OpTiming> Timings { get; set; } = [];

    /// <summary>The pass of this benchmark.</summary>
    [ParamsSource(nameof(Timings))]
    public OpTiming Timing { get; set; } = null!;

    [GlobalSetup]
    public void Prepare() => Timing.Keep(Timing.Prepare);

    [IterationSetup]
    public void Ready() => Timing.Keep(Timing.Ready);

    [Benchmark]
    public void Run() => Timing.Keep(Timing.Run);

    [GlobalCleanup]
    public void End() => Timing.End();
}
