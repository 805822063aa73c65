using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>What one optimizer step found.</summary>
/// <param name="Loss">Mean over the global batch, before the step.</param>
/// <param name="LossKept">Its part on the kept components.</param>
/// <param name="LossResidual">Its part on the others.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
/// <param name="GradientNorm">Euclidean norm of the gradient, before clipping.</param>
public readonly record struct StepResult(double Loss, double LossKept, double LossResidual, double LearningRate, double GradientNorm);
