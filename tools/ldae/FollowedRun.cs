using LDaeCore.Engine.Distributed;
using LDaeCore.Model.Data;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>The part of a pretraining run that every process but rank 0 does: it computes, and neither reads nor writes the run folder.</summary>
internal static class FollowedRun
{
    /// <summary>Trains along.</summary>
    public static CommandResult Run(JoinedGroup group, int? threads, int maxBadSamples, RunnerContext context)
    {
        var (recipe, data, kind) = group.Tell(() => throw new InvalidOperationException("Rank 0 leads."));
        using var device = Workbench.Open(DeviceChoice.Resolve(group.DeviceName(kind)), threads, recipe);
        var source = ImageSourceFactory.Open(data, train: true, recipe.Data.ImageSize, recipe.Train.Seed, recipe.Data.ShardMegabytes);
        var processes = group.With(device);
        using var gpus = processes as NcclCommunicator;
        var trained = new Pretraining(new PretrainingOptions(recipe, device, source, Path.GetTempPath())
        {
            Group = processes,
            LoaderThreads = Workbench.Loaders(threads),
            Bad = new BadSamples(maxBadSamples),
            MemoryBytes = group.MemoryBytes,
            Cancellation = context.Cancellation,
        }).Run();
        return new CommandResult { ExitCode = trained.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done };
    }
}
