using System.Diagnostics;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Tokenizers;

namespace LDaeCore.Model.Training;

/// <summary>
/// A pretraining run from its first patch to its last checkpoint: fits the principal components, trains, writes metrics and
/// checkpoints into the run folder, and goes on from there when asked.
/// </summary>
/// <param name="options">What the run needs.</param>
public sealed class Pretraining(PretrainingOptions options)
{
    private const int KnnTrainImages = 4000, KnnTestImages = 1000;
    private readonly Recipe _recipe = options.Recipe.Resolve();
    private readonly List<double> _speeds = [];
    private readonly string _checkpoints = Path.Combine(options.Folder, RunFiles.Checkpoints);
    private int[] _train = [], _heldOut = [];
    private double? _knn;

    /// <summary>Runs to the end, or to the step in which it is cancelled.</summary>
    /// <returns>What it came to.</returns>
    public PretrainingResult Run()
    {
        Directory.CreateDirectory(_checkpoints);
        CheckpointFolder.RemoveStale(_checkpoints);
        var labels = Enumerable.Range(0, options.Source.Count).Select(options.Source.Label).ToArray();
        (_train, _heldOut) = _recipe.Train.KnnEvery > 0 ? HoldOut.Split(labels, _recipe.Data.HoldOut, _recipe.Train.Seed) : ([.. labels.Select((_, i) => i)], []);
        var checkpoint = options.Resume ? LatestCheckpoint() : null;
        using var model = new LatentDenoiser(options.Backend, _recipe, checkpoint is null ? FitComponents() : LoadComponents(checkpoint));
        File.WriteAllText(Path.Combine(options.Folder, RunFiles.Config), RecipeJson.Write(model.Recipe));
        var plan = Plan(model.Recipe);
        using var trainer = new Trainer(model, plan);
        var seconds = checkpoint is null ? 0 : TrainingCheckpoint.Resume(checkpoint, trainer);
        if (checkpoint is not null)
        {
            options.OnLine?.Invoke($"Resumed from {checkpoint.Folder}, step {trainer.Step}.");
        }

        return Loop(trainer, seconds, plan.TotalBytes);
    }

    private PretrainingResult Loop(Trainer trainer, double secondsBefore, long plannedBytes)
    {
        var train = _recipe.Train;
        var length = new RunLength(train, _train.Length);
        using var metrics = new MetricsLog(Path.Combine(options.Folder, RunFiles.Metrics), trainer.Step);
        using var loader = new BatchLoader(
            options.Source,
            _train,
            new Augmentation(_recipe.Data.ImageSize, _recipe.Data.Crop == CropKind.Random, _recipe.Data.CropMinScale, _recipe.Data.Flip),
            train.Batch,
            train.Seed,
            trainer.Step,
            options.LoaderThreads,
            options.MaxBadSamples,
            options.OnLine);
        var clock = Stopwatch.StartNew();
        double Seconds() => secondsBefore + clock.Elapsed.TotalSeconds;
        StepResult? last = null;
        var saved = trainer.Step > 0 ? trainer.Step : -1;
        var interrupted = false;
        while (length.Done(trainer.Step, Seconds()) < 1 && !(interrupted = options.Cancellation.IsCancellationRequested))
        {
            var start = Stopwatch.GetTimestamp();
            var batch = loader.Next();
            last = trainer.Run(batch.Filled, length.LearningRate(trainer.Step, Seconds()));
            loader.Return(batch);
            _speeds.Add(train.Batch / Stopwatch.GetElapsedTime(start).TotalSeconds);
            var ends = length.Done(trainer.Step, Seconds()) >= 1;
            After(trainer, last.Value, length, metrics, Seconds(), ends);
            if (!ends && train.CheckpointEvery > 0 && trainer.Step % train.CheckpointEvery == 0)
            {
                Save(trainer, Seconds());
                saved = trainer.Step;
            }
        }

        if (trainer.Step != saved)
        {
            Save(trainer, Seconds());
        }

        return new PretrainingResult(trainer.Step, last, Median(), Seconds(), interrupted, plannedBytes, _knn);
    }

    /// <summary>Progress, metrics, and now and then the nearest neighbours.</summary>
    private void After(Trainer trainer, StepResult result, RunLength length, MetricsLog metrics, double seconds, bool ends)
    {
        var train = _recipe.Train;
        var expected = ends ? trainer.Step : length.ExpectedSteps(trainer.Step, seconds);
        var speed = _speeds.Count > 2 ? Median() : _speeds[^1];
        options.OnStep?.Invoke(trainer.Step, expected, result, speed, TimeSpan.FromSeconds(Math.Max(0, (expected - trainer.Step) * train.Batch / speed)));
        double? knn = null;
        if (train.KnnEvery > 0 && (trainer.Step % train.KnnEvery == 0 || ends))
        {
            knn = _knn = NearestNeighbours(trainer.Model);
            options.OnLine?.Invoke($"step {trainer.Step}: k-nearest neighbours on held-out images {knn:F1} %");
        }

        if (knn is not null || ends || trainer.Step == 1 || trainer.Step % train.LogEvery == 0)
        {
            metrics.Write(new MetricsLine(trainer.Step, result, speed, seconds, knn));
        }
    }

    private double NearestNeighbours(LatentDenoiser model)
    {
        using var extractor = new FeatureExtractor(model, _recipe.Probe);
        var training = Features(extractor, [.. _train.Take(KnnTrainImages)]);
        var normalization = new FeatureNormalization(training);
        training = normalization.Apply(training);
        var test = normalization.Apply(Features(extractor, [.. _heldOut.Take(KnnTestImages)]));
        return new KNearestNeighbours(training.Values, training.Labels, training.Channels, options.Source.ClassNames.Count)
            .Evaluate(test.Values, test.Labels).Top1;
    }

    private FeatureSet Features(FeatureExtractor extractor, int[] indices) =>
        extractor.Extract(options.Source, indices, options.LoaderThreads, options.MaxBadSamples);

    private PatchPca FitComponents()
    {
        var start = Stopwatch.GetTimestamp();
        var pca = PatchSample.Fit(_recipe, options.Source, _train, options.LoaderThreads, options.MaxBadSamples, options.OnLine);
        var dim = _recipe.Tokenizer.Dim > 0 ? _recipe.Tokenizer.Dim : pca.DefaultDimension();
        options.OnLine?.Invoke(
            $"Principal components of {pca.PatchSize} x {pca.PatchSize} patches: {dim} of {pca.Dimensions} kept, {100 * pca.KeptEnergy(dim):F2} % of the energy ({Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s).");
        return pca;
    }

    private static PatchPca LoadComponents(Checkpoint checkpoint)
    {
        using var file = SafetensorsFile.Open(Path.Combine(checkpoint.Folder, TrainingCheckpoint.ModelFile));
        return PatchPca.Load(file);
    }

    private Checkpoint? LatestCheckpoint()
    {
        var latest = CheckpointFolder.LatestValid(_checkpoints, out var warnings);
        foreach (var warning in warnings)
        {
            options.OnLine?.Invoke($"warning: {warning}");
        }

        return latest;
    }

    private MemoryPlan Plan(Recipe recipe)
    {
        var plan = MemoryPlan.Of(recipe, options.Backend.ActivationType, options.Backend.ParameterType, workspace: options.Backend.WorkspaceBytes, images: options.Source.ResidentBytes);
        foreach (var line in plan.Describe())
        {
            options.OnLine?.Invoke(line);
        }

        return plan;
    }

    private void Save(Trainer trainer, double seconds)
    {
        TrainingCheckpoint.Save(_checkpoints, trainer, seconds);
        CheckpointFolder.Prune(_checkpoints, Math.Max(1, _recipe.Train.Keep));
    }

    /// <summary>Median speed, without the first two steps, in which code is compiled and memory touched.</summary>
    private double Median()
    {
        var sorted = _speeds.Skip(_speeds.Count > 2 ? 2 : 0).Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }
}
