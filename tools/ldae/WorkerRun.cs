using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Distributed;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>Pretraining on the processes other than rank 0: they compute, and neither read nor write the run folder.</summary>
internal static class WorkerRun
{
    /// <summary>Trains.</summary>
    public static CommandResult Run(JoinedGroup group, int? threads, int maxBadSamples, bool detectAnomaly, RunnerContext context)
    {
        var (recipe, data, kind) = group.Tell(() => throw new InvalidOperationException("Rank 0 is no worker."));
        using var device = DeviceChoice.Resolve(group.DeviceName(kind)).Open(threads, recipe);
        var source = ImageSourceFactory.Open(data, train: true, recipe.Data.ImageSize, recipe.Train.Seed, recipe.Data.ShardMegabytes);
        var processes = group.With(device);
        using var gpus = processes as NcclCommunicator;

        // Sums carry a value that is not finite to all processes: only the one that computed it can name its source.
        using var anomalies = detectAnomaly ? new AnomalyBackend(device) : null;
        var trained = new Pretraining(new RunOptions(recipe, (IBackend?)anomalies ?? device, source, Path.GetTempPath())
        {
            Group = processes,
            LoaderThreads = MachineFacts.Threads(threads),
            Bad = new BadSamples(maxBadSamples),
            MemoryBytes = group.MemoryBytes,
            Cancellation = context.Cancellation,
        }).Run();
        return new CommandResult { ExitCode = trained.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done };
    }
}
