using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Model.Evaluation;
using LDaeCore.Runner.Commands;

namespace LDaeCore.Runner;

/// <summary>An encoder against its two controls, as two commands report it.</summary>
internal static class ProbeWork
{
    /// <summary>Probes encoder, random encoder and pixels under one protocol.</summary>
    public static CommandResult Run(CommandResult result, EncoderComparison comparison, ProbeMethod method, IBackend backend, ulong seed, Action<string> line)
    {
        var trained = comparison.Trained();
        line($"Features: {trained.Training.Count} training and {trained.Test.Count} test images, {trained.Training.Channels} channels.");
        var neighbours = comparison.NearestNeighbours(trained);
        var own = Accuracy("trained encoder", trained);
        var random = Accuracy("random encoder", comparison.RandomEncoder());
        var pixels = Accuracy("raw pixels", comparison.Pixels());
        return result
            .Add("top1", Rounded(own.Test.Top1))
            .Add("top5", Rounded(own.Test.Top5))
            .Add("random_top1", Rounded(random.Test.Top1))
            .Add("pixels_top1", Rounded(pixels.Test.Top1))
            .Add("knn_top1", Rounded(neighbours.Top1))
            .Add("random_top5", Rounded(random.Test.Top5))
            .Add("pixels_top5", Rounded(pixels.Test.Top5))
            .Add("choices", [Choice("trained", own), Choice("random", random), Choice("pixels", pixels)]);

        ProbeResult Accuracy(string name, (FeatureSet Training, FeatureSet Test) features)
        {
            var found = method == ProbeMethod.Knn
                ? new ProbeResult(comparison.NearestNeighbours(features), double.NaN, default)
                : comparison.Linear(backend, features, seed);
            line(string.Create(CultureInfo.InvariantCulture, $"  {name,-16} {(method == ProbeMethod.Knn ? "kNN" : "linear")} top-1 {found.Test.Top1:F2} %, top-5 {found.Test.Top5:F2} %"));
            return found;
        }
    }

    private static CommandResult Choice(string name, ProbeResult found) => new CommandResult()
        .Add("features", name)
        .Add("held_out_top1", Rounded(found.HeldOutTop1))
        .Add("learning_rate", found.Choice.LearningRate)
        .Add("weight_decay", found.Choice.WeightDecay)
        .Add("epochs", found.Choice.Epochs)
        .Add("decorrelated", found.Choice.Decorrelated);

    private static double Rounded(double percent) => Math.Round(percent, 2);
}
