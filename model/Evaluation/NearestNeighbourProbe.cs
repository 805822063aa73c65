using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Evaluation;

/// <summary>
/// Measures nearest neighbours on held-out images while a run trains, every <c>train.knnEvery</c> steps and at its end: the metric knn_top1, percent.
/// </summary>
public sealed class NearestNeighbourProbe : RunHook
{
    /// <summary>Name of the metric.</summary>
    public const string Metric = "knn_top1";

    private const int TrainImages = 4000, TestImages = 1000;

    /// <inheritdoc/>
    public override (string Owner, long Bytes) Plan(IMethodFactory factory, Recipe recipe, DType activations, DType parameters)
    {
        using var backend = new PlanBackend(activations, parameters);
        using var method = factory.Plan(backend, recipe);
        using var encoder = method.Encoder(recipe.Probe);
        return ("held-out probe", FeatureExtractor.PlannedBytes(encoder));
    }

    /// <inheritdoc/>
    public override void AfterStep(RunMoment moment)
    {
        if (moment.Step % moment.Options.Recipe.Train.KnnEvery != 0 && !moment.Ends)
        {
            return;
        }

        var accuracy = Accuracy(moment);
        if (accuracy is { } percent)
        {
            moment.Add(Metric, percent);
        }

        moment.Options.OnLine?.Invoke($"step {moment.Step}: k-nearest neighbours on held-out images {(accuracy is null ? "interrupted" : $"{accuracy:F1} %")}");
    }

    /// <summary>Accuracy in percent; null when the run was asked to stop meanwhile, as then the checkpoint must not wait.</summary>
    private static double? Accuracy(RunMoment moment)
    {
        var options = moment.Options;
        try
        {
            using var extractor = new FeatureExtractor(moment.Trainer.Method.Encoder(options.Recipe.Probe), ownsEncoder: true);
            FeatureSet Features(IEnumerable<int> indices) =>
                extractor.Extract(options.Source, [.. indices], options.LoaderThreads, options.Bad, cancellation: options.Cancellation);
            var training = Features(moment.Train.Take(TrainImages));
            var normalization = new FeatureNormalization(training);
            training = normalization.Apply(training);
            var test = normalization.Apply(Features(moment.HeldOut.Take(TestImages)));
            return new KNearestNeighbours(training.Values, training.Labels, training.Channels, options.Source.ClassNames.Count)
            {
                Cancellation = options.Cancellation,
            }.Evaluate(test.Values, test.Labels).Top1;
        }
        catch (OperationCanceledException) when (options.Cancellation.IsCancellationRequested)
        {
            moment.WasCut = true;
            return null;
        }
    }
}
