using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Distributed;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Runner.Commands;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>An encoder against its two controls, as two commands report it.</summary>
internal static class ProbeWork
{
    /// <summary>
    /// Probes encoder, random encoder and pixels under one protocol. Features are computed once; each seed draws its own held-out part, order
    /// and start. Accuracies are means over the seeds, spreads the difference of the best and the worst. The figures for the report go into a folder.
    /// </summary>
    public static CommandResult Run(
        CommandResult result, EncoderComparison comparison, ProbeMethod method, IBackend backend, IReadOnlyList<ulong> seeds, string folder, Action<string> line,
        ICommunicator? group = null)
    {
        var features = comparison.Trained();
        line($"Features: {features.Training.Count} training and {features.Test.Count} test images, {features.Training.Channels} channels.");
        var neighbours = comparison.NearestNeighbours(features);
        var trained = Accuracy("trained encoder", features);
        var leads = comparison.Group.Rank == 0;
        if (leads)
        {
            ProbeFigures.WriteNeighbours(folder, comparison, features);
        }

        if (leads && method == ProbeMethod.Linear)
        {
            ProbeFigures.WriteConfusion(folder, features.Test, trained[0].Found, comparison.TestImages.ClassNames, trained[0].Seed);
        }

        var random = Accuracy("random encoder", comparison.RandomEncoder());
        var pixels = Accuracy("raw pixels", comparison.Pixels());
        result
            .Add("top1", Mean(trained, a => a.Top1))
            .Add("top5", Mean(trained, a => a.Top5))
            .Add("random_top1", Mean(random, a => a.Top1))
            .Add("pixels_top1", Mean(pixels, a => a.Top1))
            .Add("knn_top1", Rounded(neighbours.Top1))
            .Add("random_top5", Mean(random, a => a.Top5))
            .Add("pixels_top5", Mean(pixels, a => a.Top5));
        if (seeds.Count > 1)
        {
            result
                .Add("seeds", seeds.Count)
                .Add("top1_spread", Spread(trained))
                .Add("random_top1_spread", Spread(random))
                .Add("pixels_top1_spread", Spread(pixels));
        }

        // Nearest neighbours choose nothing.
        return method == ProbeMethod.Knn ? result : result.Add("choices", [.. Choices("trained", trained), .. Choices("random", random), .. Choices("pixels", pixels)]);

        IReadOnlyList<(ulong Seed, ProbeResult Found)> Accuracy(string name, (FeatureSet Training, FeatureSet Test) set)
        {
            var all = new List<(ulong, ProbeResult)>();
            foreach (var seed in method == ProbeMethod.Knn ? seeds.Take(1) : seeds)
            {
                var found = method == ProbeMethod.Knn
                    ? new ProbeResult(comparison.NearestNeighbours(set), double.NaN, default)
                    : comparison.Linear(backend, set, seed, group: group);
                line(string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {name,-16} {(method == ProbeMethod.Knn ? "kNN" : "linear")}{(seeds.Count > 1 ? $", seed {seed}," : "")} top-1 {found.Test.Top1:F2} %, top-5 "
                        + $"{found.Test.Top5:F2} %"));
                all.Add((seed, found));
            }

            return all;
        }
    }

    /// <summary>The linear probe of the encoder alone, from one seed.</summary>
    public static CommandResult RunEncoder(CommandResult result, EncoderComparison comparison, IBackend backend, ulong seed, string folder, Action<string> line)
    {
        var features = comparison.Trained();
        var found = comparison.Linear(backend, features, seed);
        ProbeFigures.WriteNeighbours(folder, comparison, features);
        ProbeFigures.WriteConfusion(folder, features.Test, found, comparison.TestImages.ClassNames, seed);
        line(string.Create(CultureInfo.InvariantCulture, $"  linear probe top-1 {found.Test.Top1:F2} %, top-5 {found.Test.Top5:F2} %"));
        return result
            .Add("top1", Rounded(found.Test.Top1))
            .Add("top5", Rounded(found.Test.Top5))
            .Add("choices", Choices("trained", [(seed, found)]));
    }

    /// <summary>The accuracy of a classifier's own head on test images.</summary>
    public static CommandResult RunHead(
        CommandResult result, IClassifier classifier, IImageSource test, int loaders, BadSamples bad, Action<string> line, CancellationToken cancellation)
    {
        var found = HeadAccuracy.Of(classifier, test, loaders, bad, cancellation);
        line(string.Create(CultureInfo.InvariantCulture, $"  head top-1 {found.Top1:F2} %, top-5 {found.Top5:F2} %"));
        return result.Add("top1", Rounded(found.Top1)).Add("top5", Rounded(found.Top5));
    }

    private static IEnumerable<CommandResult> Choices(string name, IEnumerable<(ulong Seed, ProbeResult Found)> results) =>
        results.Select(r => new CommandResult()
            .Add("features", name)
            .Add("seed", (long)r.Seed)
            .Add("top1", Rounded(r.Found.Test.Top1))
            .Add("held_out_top1", Rounded(r.Found.HeldOutTop1))
            .Add("learning_rate", r.Found.Choice.LearningRate)
            .Add("weight_decay", r.Found.Choice.WeightDecay)
            .Add("epochs", r.Found.Choice.Epochs)
            .Add("decorrelated", r.Found.Choice.Decorrelated));

    private static double Mean(IEnumerable<(ulong Seed, ProbeResult Found)> results, Func<ClassificationAccuracy, double> accuracy) =>
        Rounded(results.Average(r => accuracy(r.Found.Test)));

    private static double Spread(IReadOnlyList<(ulong Seed, ProbeResult Found)> results) =>
        Rounded(results.Max(r => r.Found.Test.Top1) - results.Min(r => r.Found.Test.Top1));

    private static double Rounded(double percent) => Math.Round(percent, 2);
}
