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

/// <summary>What one optimizer step found.</summary>
/// <param name="Loss">Of the first phase: mean over the global batch, before the step.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
/// <param name="GradientNorm">Euclidean norm of the first phase's gradient, before clipping.</param>
public readonly record struct StepResult(double Loss, double LearningRate, double GradientNorm)
{
    private readonly IReadOnlyList<(string Name, double Value)>? _metrics;

    /// <summary>What the step reports beside these, by name, such as loss_kept: means over the global batch.</summary>
    public IReadOnlyList<(string Name, double Value)> Metrics
    {
        get => _metrics ?? [];
        init => _metrics = value;
    }

    /// <summary>A metric by its name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Its value; NaN where the step has none of that name.</returns>
    public double this[string name] => Metrics.Where(metric => metric.Name == name).Select(metric => metric.Value).DefaultIfEmpty(double.NaN).First();

    /// <summary>Whether two steps found the same numbers.</summary>
    /// <param name="other">The other step's result.</param>
    /// <returns>Whether all are equal.</returns>
    public bool Equals(StepResult other) => Loss.Equals(other.Loss) && LearningRate.Equals(other.LearningRate)
        && GradientNorm.Equals(other.GradientNorm) && Metrics.SequenceEqual(other.Metrics);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Loss, LearningRate, GradientNorm, Metrics.Count);

    /// <summary>The result with that of a later phase, whose numbers are named after it.</summary>
    /// <param name="phase">Name of the phase.</param>
    /// <param name="result">What it found.</param>
    /// <returns>The result of both.</returns>
    internal StepResult With(string phase, StepResult result) => this with
    {
        Metrics =
        [
            .. Metrics, ($"{phase}_loss", result.Loss), ($"{phase}_gradient_norm", result.GradientNorm),
            .. result.Metrics.Select(metric => ($"{phase}_{metric.Name}", metric.Value)),
        ],
    };
}
