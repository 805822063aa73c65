using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>Where a run stands, beside its numbers: what <c>state.json</c> of a checkpoint says.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Seconds">Time spent training.</param>
/// <param name="Rollbacks">How often a loss spike has sent the run back to a checkpoint; each halves the learning rate.</param>
public readonly record struct TrainingState(long Step, double Seconds, int Rollbacks = 0)
{
    /// <summary>What the recipe's learning rate is multiplied by.</summary>
    public double LearningRateFactor => Math.Pow(0.5, Rollbacks);
}
