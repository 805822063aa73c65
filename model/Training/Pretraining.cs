using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// A pretraining run from its first patch to its last checkpoint: fits the principal components, trains, writes metrics and
/// checkpoints into the run folder, and goes on from there when asked.
/// </summary>
/// <param name="options">What the run needs.</param>
public sealed class Pretraining(PretrainingOptions options)
{
    private const int KnnTrainImages = 4000, KnnTestImages = 1000;

    // Where the data choose the number of components, the plan that comes before them takes the usual one.
    private const int UnknownDim = 32;
    private Recipe _recipe = options.Recipe.Resolve();
    private readonly RunningMedian _speeds = new(skip: 2);
    private readonly RunCheckpoints _checkpoints = new(Path.Combine(options.Folder, RunFiles.Checkpoints), options.Recipe.Train.Keep, options.OnLine);
    private int[] _train = [], _heldOut = [];
    private readonly LossSpikes _spikes = new(options.Recipe.Train.SpikeFactor);
    private double? _knn;
    private bool _probeCut;
    private long _drawn = -1;
    private readonly RunAgreement _agreement = new(options.Group);
    private StepImages? _images;
    private MemoryPlan? _plan;

    /// <summary>Runs to the end, or to the step in which it is cancelled.</summary>
    /// <returns>What it came to.</returns>
    /// <exception cref="LdaeException">Run: among others, the device has no memory left; the message has the plan by owner.</exception>
    public PretrainingResult Run()
    {
        try
        {
            return RunPlanned();
        }
        catch (DeviceMemoryException error)
        {
            throw new LdaeException(
                ErrorKind.Run, $"{error.Message} {Asked} asks for this:\n{string.Join('\n', _plan?.Describe() ?? [])}", $"{Less} {error.Remedy}", error);
        }
    }

    private string Asked => $"train.batch = {_recipe.Train.Batch} in train.accumulate = {_recipe.Train.Accumulate} parts";

    private string Less =>
        $"Raise train.accumulate or lower train.batch: {_recipe.Train.MicroBatch / options.Group.Size} images are held at once. network.recompute=true takes less memory for more time.";

    /// <summary>Whether the run's memory is a device's own, so that images in the machine's are no part of its plan.</summary>
    private bool OnDevice => options.Backend is IDeviceBackend;

    private string Config => Path.Combine(options.Folder, RunFiles.Config);

    private PretrainingResult RunPlanned()
    {
        if (_agreement.Writes)
        {
            _checkpoints.Prepare();
        }

        _agreement.Check(_recipe.Train, options.Source.Count, options.Source.ClassNames.Count);
        var labels = Enumerable.Range(0, options.Source.Count).Select(options.Source.Label).ToArray();
        (_train, _heldOut) = _recipe.Train.KnnEvery > 0 ? HoldOut.Split(labels, _recipe.Data.HoldOut, _recipe.Train.Seed) : ([.. labels.Select((_, i) => i)], []);
        if (_recipe.Train.KnnEvery > 0 && _heldOut.Length == 0)
        {
            throw new LdaeException(
                ErrorKind.Data,
                $"train.knnEvery = {_recipe.Train.KnnEvery} probes held-out images, but data.holdOut = {_recipe.Data.HoldOut} holds out none of the {labels.Length} images of {options.Source.Name}.",
                "Give a training set with two images or more of some class, raise data.holdOut, or set train.knnEvery=0.");
        }

        _recipe = WithClasses(options.Source.ClassNames.Count);

        // Before anything that takes minutes or memory: a run that does not fit is refused at once.
        _images = new StepImages(options with { Recipe = _recipe }, _train);
        _images.Keep(OnDevice ? options.Source.ResidentBytes : Plan(_recipe).TotalBytes);
        _plan = Plan(_recipe);
        Describe(_plan);
        var checkpoint = options.Resume && _agreement.Writes ? _checkpoints.Latest() : null;
        if (checkpoint is not null && options.SameExperiment)
        {
            RunCheckpoints.Require(checkpoint, _recipe);
        }

        FittedTokenizer Tokenizer() => checkpoint is null ? Fit() : RunCheckpoints.Tokenizer(checkpoint, _recipe);
        using var model = new LatentDenoiser(options.Backend, _recipe, _agreement.Tokenizer(Tokenizer, _recipe));
        _plan = model.Recipe == _recipe ? _plan : Plan(model.Recipe);
        using var trainer = new Trainer(model, _plan, group: options.Group);
        var state = _agreement.Start(trainer, checkpoint is null ? default : TrainingCheckpoint.Resume(checkpoint, trainer));
        if (checkpoint is not null)
        {
            options.OnLine?.Invoke($"Resumed from {checkpoint.Folder}, step {trainer.Step}.");
        }

        // Only now is it sure that the recipe fits the checkpoint: one that does not must leave the run's own as it is.
        if (_agreement.Writes)
        {
            _checkpoints.RecallBest(trainer.Step);
            AtomicFile.WriteText(Config, RecipeJson.Write(model.Recipe));
            if (_recipe.Train.SpikeFactor > 0 && trainer.Step == 0)
            {
                // Something to go back to from the first step on.
                _checkpoints.Save(trainer, state);
            }
        }

        while (true)
        {
            if (Loop(trainer, state, _plan.TotalBytes, out var spike) is { } result)
            {
                return result;
            }

            // All see the same loss, so all go back; rank 0 knows where to.
            _spikes.Clear();
            _drawn = -1;
            state = _agreement.Start(trainer, _agreement.Writes ? _checkpoints.RollBack(trainer, spike!) : default);
        }
    }

    /// <summary>Trains on from where the trainer stands.</summary>
    /// <returns>Null at a spike of the loss that the run is to go back for.</returns>
    private PretrainingResult? Loop(Trainer trainer, TrainingState before, long plannedBytes, out string? spike)
    {
        spike = null;
        var train = _recipe.Train;
        var length = new RunLength(train, _train.Length);
        using var metrics = _agreement.Writes ? new MetricsLog(Path.Combine(options.Folder, RunFiles.Metrics), trainer.Step) : null;
        using var events = _agreement.Writes ? new EventLog(options.Folder, trainer.Step) : null;
        metrics?.Events = events;
        events?.Text(trainer.Step, "config", $"```\n{RecipeJson.Write(trainer.Model.Recipe)}\n```");
        Draw(trainer, events, starts: true);
        BatchLoader? loader = null;
        using var images = _images!.Open((augmentation, part) => loader = new BatchLoader(
            options.Source, _train, augmentation, train.Batch, train.Seed, trainer.Step, options.LoaderThreads, options.Bad, _images.KeptBytes, part));
        using var loading = loader;
        if (_images.Description is { Length: > 0 } way)
        {
            options.OnLine?.Invoke(way);
        }

        trainer.Prepare(images);
        var clock = Stopwatch.StartNew();
        double Seconds() => before.Seconds + clock.Elapsed.TotalSeconds;
        TrainingState State() => before with { Seconds = Seconds() };
        StepResult? last = null;
        var saved = trainer.Step > 0 ? trainer.Step : -1;
        var interrupted = false;
        while (true)
        {
            var (stops, now) = _agreement.Ask(options.Cancellation.IsCancellationRequested, Seconds());
            if (length.Done(trainer.Step, now) >= 1 || (interrupted = stops))
            {
                break;
            }

            var start = Stopwatch.GetTimestamp();
            var rate = before.LearningRateFactor * length.LearningRate(trainer.Step, now);
            if (Step(trainer, images, rate, saved, out spike) is not { } result)
            {
                return null;
            }

            last = result;
            _speeds.Add(train.Batch / Stopwatch.GetElapsedTime(start).TotalSeconds);
            if (metrics is null)
            {
                continue;
            }

            var ends = length.Done(trainer.Step, Seconds()) >= 1;
            After(trainer, result, length, metrics, Seconds(), ends);
            if (_checkpoints.BestIsUnsaved || (!ends && train.CheckpointEvery > 0 && trainer.Step % train.CheckpointEvery == 0))
            {
                _checkpoints.Save(trainer, State());
                saved = trainer.Step;
            }

            // A network learns fast at first: few pictures, ever further apart, show the whole of it.
            if (saved == trainer.Step || BitOperations.IsPow2(trainer.Step))
            {
                Draw(trainer, events, starts: false);
            }
        }

        // A last probe that was cut short is an interruption as well, though no step is missing.
        interrupted |= _probeCut;
        if (trainer.Step != saved && _agreement.Writes)
        {
            _checkpoints.Save(trainer, State());
            if (!interrupted)
            {
                Draw(trainer, events, starts: false);
            }
        }

        var done = new PretrainingResult(trainer.Step, last, _speeds.Value, Seconds(), interrupted, plannedBytes, _knn, _speeds.Count, _checkpoints.Best, before.Rollbacks);
        return _speeds.Count == 0 && _agreement.Writes && MetricsLog.ReadLast(Path.Combine(options.Folder, RunFiles.Metrics)) is { } line
            ? done with { Last = line.Result, ImagesPerSecond = line.ImagesPerSecond, KnnTop1 = line.KnnTop1 }
            : done;
    }

    /// <summary>One step; the diagnosis of a failed one says what is left to go on from.</summary>
    /// <returns>Null at a spike of the loss that the run is to go back for.</returns>
    private StepResult? Step(Trainer trainer, IStepImages images, double learningRate, long saved, out string? spike)
    {
        using var range = Ranges.Open("step");
        spike = null;
        try
        {
            var result = trainer.Run(images, learningRate);
            var usual = _spikes.Median;
            if (_spikes.IsSpike(result.Loss))
            {
                spike = string.Create(CultureInfo.InvariantCulture, $"Step {trainer.Step} has loss {result.Loss:G4}, above train.spikeFactor = {_recipe.Train.SpikeFactor:G4} times the usual {usual:G4}.");
                return null;
            }

            return result;
        }
        catch (NonFiniteStepException error) when (_recipe.Train.SpikeFactor > 0)
        {
            spike = error.Message;
            return null;
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Run)
        {
            var kept = saved >= 0 ? $"The checkpoint of step {saved} is kept." : "No checkpoint was written yet.";
            throw new LdaeException(ErrorKind.Run, error.Message, $"{kept} {error.Remedy}", error);
        }
    }

    /// <summary>Progress, metrics, and now and then the nearest neighbours.</summary>
    private void After(Trainer trainer, StepResult result, RunLength length, MetricsLog metrics, double seconds, bool ends)
    {
        var train = _recipe.Train;
        var expected = ends ? trainer.Step : length.ExpectedSteps(trainer.Step, seconds);
        var speed = _speeds.Value;
        options.OnStep?.Invoke(trainer.Step, expected, result, speed, TimeSpan.FromSeconds(Math.Max(0, (expected - trainer.Step) * train.Batch / speed)));
        double? knn = null;
        if (train.KnnEvery > 0 && (trainer.Step % train.KnnEvery == 0 || ends))
        {
            knn = NearestNeighbours(trainer.Model);
            _knn = knn ?? _knn;
            _checkpoints.Note(trainer.Step, knn);
            options.OnLine?.Invoke($"step {trainer.Step}: k-nearest neighbours on held-out images {(knn is null ? "interrupted" : $"{knn:F1} %")}");
        }

        if (knn is not null || ends || trainer.Step == 1 || trainer.Step % train.LogEvery == 0)
        {
            metrics.Write(new MetricsLine(trainer.Step, result, speed, seconds, knn));
        }
    }

    /// <summary>Pictures of a step, once.</summary>
    private void Draw(Trainer trainer, EventLog? events, bool starts)
    {
        if (events is null || _drawn == trainer.Step)
        {
            return;
        }

        _drawn = trainer.Step;
        foreach (var (tag, png) in options.Pictures?.Invoke(trainer.Model, new PictureMoment(trainer.Step, starts)) ?? [])
        {
            events.Image(trainer.Step, tag, png);
        }
    }

    /// <summary>Accuracy in percent; null when the run was asked to stop meanwhile, as then the checkpoint must not wait.</summary>
    private double? NearestNeighbours(LatentDenoiser model)
    {
        try
        {
            using var extractor = new FeatureExtractor(model, _recipe.Probe);
            var training = Features(extractor, [.. _train.Take(KnnTrainImages)]);
            var normalization = new FeatureNormalization(training);
            training = normalization.Apply(training);
            var test = normalization.Apply(Features(extractor, [.. _heldOut.Take(KnnTestImages)]));
            return new KNearestNeighbours(training.Values, training.Labels, training.Channels, options.Source.ClassNames.Count)
            {
                Cancellation = options.Cancellation,
            }.Evaluate(test.Values, test.Labels).Top1;
        }
        catch (OperationCanceledException) when (options.Cancellation.IsCancellationRequested)
        {
            _probeCut = true;
            return null;
        }
    }

    private FeatureSet Features(FeatureExtractor extractor, int[] indices) =>
        extractor.Extract(options.Source, indices, options.LoaderThreads, options.Bad, cancellation: options.Cancellation);

    /// <summary>The tokenizer of a run that begins. It may take minutes: a run that is killed meanwhile must find what it was started with.</summary>
    private FittedTokenizer Fit()
    {
        var isNew = !File.Exists(Config);
        if (isNew)
        {
            AtomicFile.WriteText(Config, RecipeJson.Write(_recipe));
        }

        try
        {
            return new TokenizerFit(options with { Recipe = _recipe }, _train).Run();
        }
        catch (LdaeException) when (isNew)
        {
            // What cannot even begin is no run.
            File.Delete(Config);
            throw;
        }
    }

    /// <summary>The recipe for as many classes as the images have.</summary>
    private Recipe WithClasses(int classes)
    {
        var told = _recipe.Conditioning;
        return !told.Class ? _recipe
            : told.Classes == 0 && classes > 1 ? _recipe with { Conditioning = told with { Classes = classes } }
            : told.Classes >= classes && classes > 1 ? _recipe
            : throw new LdaeException(
                ErrorKind.Data,
                $"conditioning.class tells the network one of {(told.Classes == 0 ? "two or more" : told.Classes)} classes, but {options.Source.Name} has {classes}.",
                "Give images of other classes, or set conditioning.classes=0 or conditioning.class=false.");
    }

    private MemoryPlan Plan(Recipe recipe)
    {
        var (activations, parameters) = (options.Backend.ActivationType, options.Backend.ParameterType);
        var dim = recipe.Tokenizer.Dim > 0 ? recipe.Tokenizer.Dim : Math.Min(UnknownDim, recipe.Tokenizer.PatchValues);
        var own = recipe with { Train = recipe.Train with { Batch = recipe.Train.Batch / options.Group.Size }, Tokenizer = recipe.Tokenizer with { Dim = dim } };
        var probe = _agreement.Writes && recipe.Train.KnnEvery > 0 ? FeatureExtractor.PlannedBytes(own, activations, parameters) : 0;
        return MemoryPlan.Of(own, activations, parameters, dim, options.Backend.WorkspaceBytes, _images!.SetBytes, _images.InputBytes)
            .With("held-out probe", probe)
            .With("decoded images", OnDevice ? 0 : _images.KeptBytes);
    }

    /// <summary>Prints the plan; refuses one that the machine's memory does not hold.</summary>
    private void Describe(MemoryPlan plan)
    {
        foreach (var line in plan.Describe())
        {
            options.OnLine?.Invoke(line);
        }

        // A device's workspace is in the plan and held already.
        var (most, whose) = options.Backend is IDeviceBackend device
            ? (device.FreeBytes + device.WorkspaceBytes, "are free on the device")
            : (options.MemoryBytes, "this process may use");
        if (plan.TotalBytes > most)
        {
            var shards = options.Source.OpenShards > 0 && !OnDevice
                ? $" data.shardMegabytes below {_recipe.Data.ShardMegabytes} holds fewer of the images: {options.Source.ResidentBytes / 1e6:N0} MB of these are theirs."
                : "";
            throw new LdaeException(
                ErrorKind.Configuration, $"{Asked} needs {plan.TotalBytes / 1e6:N0} MB, more than the {most / 1e6:N0} MB that {whose}.", Less + shards);
        }
    }
}
