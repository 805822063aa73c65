using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Ops;

namespace LDaeCore.Bench;

/// <summary>Times op cases by BenchmarkDotNet, in this process: the same program runs where there is no SDK.</summary>
/// <param name="options">What is asked for.</param>
/// <param name="backend">The device.</param>
internal sealed class OpRuns(BenchOptions options, IBackend backend)
{
    // More than the last cache of a processor, more than the 60 MB of the largest GPU's.
    private const long ProcessorRotation = 96L << 20, GpuRotation = 256L << 20, ToyRotation = 1;

    // A processor would take seconds for each pass beyond these; a filter asks for them all the same.
    private const double ProcessorFlops = 2e10, ProcessorElements = 5e7;

    /// <summary>The cases that the options ask for.</summary>
    public IEnumerable<OpCase> Cases => OpCatalog.All.Where(opCase => opCase.TimingOnly != options.Toy && options.Wants(opCase.ToString()) && Fits(opCase));

    /// <summary>Times the cases: forward, and backward where there is one.</summary>
    public IReadOnlyList<ResultRow> Run() => Time([.. Cases.SelectMany(Passes)]);

    /// <summary>Times one case forward only.</summary>
    /// <param name="opCase">The case.</param>
    public ResultRow Run(OpCase opCase) => Time([new OpTiming(backend, opCase, false, 1)])[0];

    private bool Fits(OpCase opCase) =>
        backend is CudaBackend || options.Filters.Count > 0 || (opCase.Flops <= ProcessorFlops && opCase.Elements <= ProcessorElements);

    private IEnumerable<OpTiming> Passes(OpCase opCase)
    {
        var rotation = options.Toy ? ToyRotation : backend is CudaBackend ? GpuRotation : ProcessorRotation;
        yield return new OpTiming(backend, opCase, false, rotation);
        if (opCase.Differentiable)
        {
            yield return new OpTiming(backend, opCase, true, rotation);
        }
    }

    private List<ResultRow> Time(IReadOnlyList<OpTiming> timings)
    {
        if (timings.Count == 0)
        {
            return [];
        }

        OpBenchmark.Timings = timings;
        var job = Job.Default.WithToolchain(new InProcessNoEmitToolchain(TimeSpan.FromHours(1), logOutput: false))
            .WithStrategy(RunStrategy.Monitoring)
            .WithLaunchCount(1)
            .WithWarmupCount(options.WarmUps)
            .WithIterationCount(options.Iterations)
            .WithInvocationCount(1)
            .WithUnrollFactor(1);
        var log = new AccumulationLogger();
        var config = ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddLogger(log)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .WithArtifactsPath(Path.Combine(options.Out, "benchmarkdotnet"))
            .WithOptions(ConfigOptions.DisableOptimizationsValidator | ConfigOptions.DisableLogFile);
        var summary = Run(config, timings);
        if (summary.HasCriticalValidationErrors || summary.Reports.Length != timings.Count || summary.Reports.Any(report => !report.Success))
        {
            throw new LdaeException(ErrorKind.Run, $"BenchmarkDotNet could not run every case.{Environment.NewLine}{log.GetLog()}", "Read its log above.");
        }

        var order = timings.Index().ToDictionary(t => t.Item, t => t.Index);
        return [.. summary.Reports.OrderBy(report => order[TimingOf(report)]).Select(Row)];
    }

    private static Summary Run(ManualConfig config, IReadOnlyList<OpTiming> timings)
    {
        try
        {
            return BenchmarkRunner.Run<OpBenchmark>(config);
        }
        catch (Exception) when (timings.FirstOrDefault(timing => timing.Error is not null) is { } failed)
        {
            throw new LdaeException(ErrorKind.Run, $"{failed} could not be timed: {failed.Error!.Message}", "Leave it out by a filter.", failed.Error);
        }
    }

    private static OpTiming TimingOf(BenchmarkReport report) => (OpTiming)report.BenchmarkCase.Parameters[nameof(OpBenchmark.Timing)];

    private ResultRow Row(BenchmarkReport report)
    {
        var timing = TimingOf(report);
        var times = timing.DeviceSeconds.Count > 0
            ? timing.DeviceSeconds.TakeLast(options.Iterations)
            : report.AllMeasurements.Where(m => m is { IterationMode: IterationMode.Workload, IterationStage: IterationStage.Actual })
                .Select(m => m.Nanoseconds / m.Operations / 1e9);
        var row = ResultRow.Of(timing.Name, timing.Pass, times) with { Flops = timing.Flops, Bytes = timing.Bytes };
        return backend is CudaBackend cuda ? Resources(cuda, timing, row) : row;
    }

    /// <summary>Registers and local memory of the kernels that a pass launches, found on a backend that has launched nothing else.</summary>
    private static ResultRow Resources(CudaBackend cuda, OpTiming timing, ResultRow row)
    {
        using var fresh = new CudaBackend(cuda.Device, new CudaOptions { ActivationType = cuda.ActivationType, Autotune = false });
        using var buffers = new CaseBuffers(timing.Case, fresh, CaseBuffers.Draw(timing.Case));
        buffers.Forward();
        var forward = fresh.Kernels.Loaded.ToHashSet();
        if (timing.Pass == "backward")
        {
            buffers.Seed();
            buffers.Backward();
        }

        var kernels = timing.Pass == "backward" ? fresh.Kernels.Loaded.Where(kernel => !forward.Contains(kernel)).ToArray() : [.. forward];
        return kernels.Length == 0 ? row : row with { Registers = kernels.Max(kernel => kernel.Registers), LocalBytes = kernels.Max(kernel => kernel.LocalBytes) };
    }
}
