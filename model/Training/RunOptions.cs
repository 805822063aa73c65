using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Distributed;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>What a training run needs besides its recipe's own fields.</summary>
/// <param name="Recipe">The recipe, resolved and checked.</param>
/// <param name="Backend">The device.</param>
/// <param name="Source">Training images.</param>
/// <param name="Folder">The run folder; it exists.</param>
public sealed record RunOptions(Recipe Recipe, IBackend Backend, IImageSource Source, string Folder)
{
    /// <summary>Indices of the images to train on; all when not given, but for those that <c>data.holdOut</c> holds out.</summary>
    public int[]? TrainingImages { get; init; }

    /// <summary>What was fitted before, such as a trained tokenizer; the run fits its own when not given.</summary>
    public IFitted? Fitted { get; init; }

    /// <summary>What takes part in the run besides training, in order; the run adds those that its recipe asks for.</summary>
    public IReadOnlyList<RunHook> Hooks { get; init; } = [];

    /// <summary>Whether to go on from the folder's last checkpoint.</summary>
    public bool Resume { get; init; }

    /// <summary>Whether a checkpoint that another experiment has written is refused (see <see cref="Experiment"/>) instead of going on from its numbers with this recipe.</summary>
    public bool SameExperiment { get; init; }

    /// <summary>
    /// The processes that train together; one when not given. Each takes its part of every batch. Rank 0 alone needs the folder, reads and writes it, and
    /// tells what there is to tell; the others learn from it where the run stands.
    /// </summary>
    public ICommunicator Group { get; init; } = SingleProcess.Instance;

    /// <summary>Threads that decode images.</summary>
    public int LoaderThreads { get; init; } = 2;

    /// <summary>Counts unreadable images, which are skipped; none is allowed unless it says so.</summary>
    public BadSamples Bad { get; init; } = new();

    /// <summary>Memory that a run on the processor may plan for, bytes; what the process may use of the machine's when not given.</summary>
    public long MemoryBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Largest data set that is kept whole in a device's own memory, bytes; see <see cref="StepImages"/>.</summary>
    public long ResidentBytes { get; init; } = 1L << 30;

    /// <summary>Called after every step: steps done, steps expected in all, the step, images a second, time left.</summary>
    public Action<long, long, StepResult, double, TimeSpan>? OnStep { get; init; }

    /// <summary>Receives the lines for people to read.</summary>
    public Action<string>? OnLine { get; init; }

    /// <summary>Asks the run to finish its step, save and stop.</summary>
    public CancellationToken Cancellation { get; init; }
}
