namespace LDaeCore.Model.Evaluation;

/// <summary>One way to train a linear classifier.</summary>
/// <param name="LearningRate">Highest learning rate; half a cosine takes it to 0.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
/// <param name="Epochs">Passes over the training features.</param>
/// <param name="Decorrelated">Whether the weights are those of decorrelated channels; see <see cref="FeatureDecorrelation"/>.</param>
public readonly record struct ProbeChoice(double LearningRate, double WeightDecay, int Epochs, bool Decorrelated);
