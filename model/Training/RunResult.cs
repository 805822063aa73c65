namespace LDaeCore.Model.Training;

/// <summary>What a run came to.</summary>
/// <param name="Steps">Optimizer steps done in all.</param>
/// <param name="Last">The last step: of the run's own log where there was nothing left to do; null where that is empty too.</param>
/// <param name="ImagesPerSecond">Median over this process's steps after its first two; from the run's log where there was nothing left to do.</param>
/// <param name="Seconds">Time spent training in all.</param>
/// <param name="Interrupted">Whether it was asked to stop before its end.</param>
/// <param name="PlannedBytes">Memory that the run planned for.</param>
/// <param name="StepsRun">Steps that this process did.</param>
/// <param name="Rollbacks">How often a spike of the loss has sent the run back to a checkpoint.</param>
public sealed record RunResult(
    long Steps, StepResult? Last, double ImagesPerSecond, double Seconds, bool Interrupted, long PlannedBytes, long StepsRun, int Rollbacks)
{
    /// <summary>The last value of each metric that hooks have measured, by name.</summary>
    public IReadOnlyDictionary<string, double> Measured { get; init; } = new Dictionary<string, double>();

    /// <summary>The last nearest-neighbour accuracy on held-out images, percent, if one was measured.</summary>
    public double? KnnTop1 => Measured.TryGetValue("knn_top1", out var value) ? value : null;

    /// <summary>The checkpoint with the best nearest-neighbour accuracy, if any was measured.</summary>
    public BestCheckpoint? Best { get; init; }
}
