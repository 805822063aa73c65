using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>One line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Result">What the step found.</param>
/// <param name="ImagesPerSecond">Speed since the line before.</param>
/// <param name="Seconds">Time spent training.</param>
/// <param name="KnnTop1">Nearest-neighbour accuracy on held-out images, percent, where it was measured.</param>
public sealed record MetricsLine(long Step, StepResult Result, double ImagesPerSecond, double Seconds, double? KnnTop1);
