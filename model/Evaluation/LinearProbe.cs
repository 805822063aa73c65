using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Distributed;
using LDaeCore.Model.Data;

namespace LDaeCore.Model.Evaluation;

/// <summary>
/// How well a linear classifier reads features. Channels are normalised by the training set's mean and variance. Learning rate, weight
/// decay, length, and whether the weights are trained in decorrelated coordinates are chosen on a held-out part of the training
/// set: all pairs of the first two are trained at once, and the length doubles until the best held-out accuracy stops
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

    /// <summary>Asks to stop between steps.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The processes that share each batch, all of which have all features; one when not given.</summary>
    public ICommunicator Group { get; init; } = SingleProcess.Instance;

    /// <summary>Told of each length tried: its best settings and their held-out accuracy, percent.</summary>
    public Action<ProbeChoice, double>? OnTried { get; init; }

    /// <summary>Chooses, trains and evaluates.</summary>
    /// <param name="training">Features of the training set.</param>
    /// <param name="test">Features of the test set.</param>
    /// <returns>What it found.</returns>
    public ProbeResult Run(FeatureSet training, FeatureSet test)
    {
        var (choice, heldOut) = Choose(training);
        var (known, asked) = Prepare(training, test, choice.Decorrelated);
        using var classifier = new LinearClassifier(backend, training.Channels, classes, 1, seed, Group);
        classifier.Train(known, [(choice.LearningRate, choice.WeightDecay)], choice.Epochs, Cancellation);
        return new ProbeResult(classifier.Evaluate(asked)[0], heldOut, choice) { Predicted = classifier.Predict(asked) };
    }

    private (ProbeChoice Choice, double Accuracy) Choose(FeatureSet training)
    {
        var (kept, held) = HoldOut.Split(training.Labels, HeldOut, seed);
        var (train, heldOut) = (training.Select(kept), training.Select(held));
        var best = (Choice: default(ProbeChoice), Accuracy: -1.0);
        foreach (var decorrelated in training.Channels <= FeatureDecorrelation.MostChannels ? new[] { false, true } : [false])
        {
            var (known, asked) = Prepare(train, heldOut, decorrelated);
            var found = Sweep(known, asked, decorrelated);
            best = found.Accuracy > best.Accuracy ? found : best;
        }

        return best;
    }

    /// <summary>The best pair of learning rate and weight decay, at the length from which on nothing is gained.</summary>
    private (ProbeChoice Choice, double Accuracy) Sweep(FeatureSet train, FeatureSet heldOut, bool decorrelated)
    {
        var pairs = LearningRates.SelectMany(_ => WeightDecays, (rate, decay) => (rate, decay)).ToArray();
        var best = (Choice: default(ProbeChoice), Accuracy: -1.0);
        for (var epochs = FirstEpochs; epochs <= MostEpochs; epochs *= 2)
        {
            using var classifier = new LinearClassifier(backend, train.Channels, classes, pairs.Length, seed, Group);
            classifier.Train(train, pairs, epochs, Cancellation);
            var accuracies = classifier.Evaluate(heldOut).Select(a => a.Top1).ToArray();
            var at = Array.IndexOf(accuracies, accuracies.Max());
            var choice = new ProbeChoice(pairs[at].rate, pairs[at].decay, epochs, decorrelated);
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

    /// <summary>Both sets by the statistics of the first.</summary>
    private static (FeatureSet Training, FeatureSet Other) Prepare(FeatureSet training, FeatureSet other, bool decorrelated)
    {
        var normalization = new FeatureNormalization(training);
        (training, other) = (normalization.Apply(training), normalization.Apply(other));
        if (!decorrelated)
        {
            return (training, other);
        }

        var decorrelation = new FeatureDecorrelation(training);
        return (decorrelation.Apply(training), decorrelation.Apply(other));
    }
}

/// <summary>One way to train a linear classifier.</summary>
/// <param name="LearningRate">Highest learning rate; half a cosine takes it to 0.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
/// <param name="Epochs">Passes over the training features.</param>
/// <param name="Decorrelated">Whether the weights are those of decorrelated channels; see <see cref="FeatureDecorrelation"/>.</param>
public readonly record struct ProbeChoice(double LearningRate, double WeightDecay, int Epochs, bool Decorrelated);

/// <summary>What a linear probe found.</summary>
/// <param name="Test">Accuracy on the test set, evaluated once.</param>
/// <param name="HeldOutTop1">Accuracy of the choice on the held-out part of the training set, percent.</param>
/// <param name="Choice">What the sweep chose.</param>
public sealed record ProbeResult(ClassificationAccuracy Test, double HeldOutTop1, ProbeChoice Choice)
{
    /// <summary>The class that was chosen for each test image, in their order; empty where none was kept.</summary>
    public IReadOnlyList<int> Predicted { get; init; } = [];
}
