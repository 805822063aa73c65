namespace LDaeCore.Engine.Backends;

/// <summary>The numbers that change from one training step to the next.</summary>
/// <param name="Step">Optimizer steps done before: the step of the random numbers; AdamW counts one more.</param>
/// <param name="LearningRate">Learning rate.</param>
/// <param name="Beta1">Decay of the mean of the gradients, for AdamW's correction.</param>
/// <param name="Beta2">Decay of the mean of their squares.</param>
public readonly record struct StepScalars(uint Step, double LearningRate, double Beta1, double Beta2);
