using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>What a pretraining run came to.</summary>
/// <param name="Steps">Optimizer steps done in all.</param>
/// <param name="Last">The last step: of the run's own log where there was nothing left to do; null where that is empty too.</param>
/// <param name="ImagesPerSecond">Median over this process's steps after its first two; from the run's log where there was nothing left to do.</param>
/// <param name="Seconds">Time spent training in all.</param>
/// <param name="Interrupted">Whether it was asked to stop before its end.</param>
/// <param name="PlannedBytes">Memory that the run planned for.</param>
/// <param name="KnnTop1">The last nearest-neighbour accuracy on held-out images, percent, if one was measured.</param>
/// <param name="StepsRun">Steps that this process did.</param>
/// <param name="Best">The checkpoint with the best nearest-neighbour accuracy, if any was measured.</param>
/// <param name="Rollbacks">How often a spike of the loss has sent the run back to a checkpoint.</param>
public sealed record PretrainingResult(
    long Steps, StepResult? Last, double ImagesPerSecond, double Seconds, bool Interrupted, long PlannedBytes, double? KnnTop1, long StepsRun, BestCheckpoint? Best, int Rollbacks);
