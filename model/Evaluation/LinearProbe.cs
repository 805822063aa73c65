using LDaeCore.Engine.Backends;
using LDaeCore.Model.Data;

namespace LDaeCore.Model.Evaluation;

/// <summary>
/// How well a linear classifier reads features. Learning rate, weight decay and length are chosen on a held-out part of the
/// training set: all pairs of the two are trained at once, and the length doubles until the best held-out accuracy stops
/// rising. The choice is then trained on the whole training set and evaluated on the test set, once.
/// </summary>
/// <param name="backend">Who computes.</param>
/// <param name="classes">Number of classes.</param>
/// <param name="seed">Seed of the held-out part, the order and the start.</param>
public sealed class LinearProbe(IBackend backend, int classes, ulong seed)
{
    /// <summary>Learning rates of the sweep.</summary>
    public static IReadOnlyList<double> LearningRates { get; } = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1];

    /// <summary>Weight decays of the sweep.</summary>
    public static IReadOnlyList<double> WeightDecays { get; } = [0, 0.1, 1, 10];

    /// <summary>Share of the training set that choices are made on.</summary>
    public double HeldOut { get; init; } = 0.1;

    /// <summary>Length of the shortest training, in epochs.</summary>
    public int FirstEpochs { get; init; } = 5;

    /// <summary>Length of the longest training, in epochs.</summary>
    public int MostEpochs { get; init; } = 160;

    /// <summary>Points of held-out accuracy by which twice the length must be better to be worth trying the next.</summary>
    public double WorthwhileGain { get; init; } = 0.1;

    /// <summary>Told of each length tried: epochs, best held-out accuracy, its learning rate and weight decay.</summary>
    public Action<ProbeChoice, double>? OnTried { get; init; }

    /// <summary>Chooses, trains and evaluates.</summary>
    /// <param name="training">Features of the training set.</param>
    /// <param name="test">Features of the test set.</param>
    /// <returns>What it found.</returns>
    public ProbeResult Run(FeatureSet training, FeatureSet test)
    {
        var (choice, heldOut) = Choose(training);
        var normalization = new FeatureNormalization(training);
        using var classifier = new LinearClassifier(backend, training.Channels, classes, 1, seed);
        classifier.Train(normalization.Apply(training), [(choice.LearningRate, choice.WeightDecay)], choice.Epochs);
        return new ProbeResult(classifier.Evaluate(normalization.Apply(test))[0], heldOut, choice);
    }

    private (ProbeChoice Choice, double Accuracy) Choose(FeatureSet training)
    {
        var (kept, held) = HoldOut.Split(training.Labels, HeldOut, seed);
        var raw = training.Select(kept);
        var normalization = new FeatureNormalization(raw);
        var (train, heldOut) = (normalization.Apply(raw), normalization.Apply(training.Select(held)));
        var pairs = LearningRates.SelectMany(_ => WeightDecays, (rate, decay) => (rate, decay)).ToArray();
        var best = (Choice: default(ProbeChoice), Accuracy: -1.0);
        for (var epochs = FirstEpochs; epochs <= MostEpochs; epochs *= 2)
        {
            using var classifier = new LinearClassifier(backend, train.Channels, classes, pairs.Length, seed);
            classifier.Train(train, pairs, epochs);
            var accuracies = classifier.Evaluate(heldOut).Select(a => a.Top1).ToArray();
            var at = Array.IndexOf(accuracies, accuracies.Max());
            var choice = new ProbeChoice(pairs[at].rate, pairs[at].decay, epochs);
            OnTried?.Invoke(choice, accuracies[at]);
            var gain = accuracies[at] - best.Accuracy;
            best = gain > 0 ? (choice, accuracies[at]) : best;
            if (gain < WorthwhileGain)
            {
                break;
            }
        }

        return best;
    }
}
