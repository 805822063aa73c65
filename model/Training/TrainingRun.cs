using System.Diagnostics;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// A run of any method from its first image to its last checkpoint: fits what the method needs, trains, writes metrics and checkpoints into
/// the run folder, and goes on from there when asked. What else happens in a run is done by its hooks.
/// </summary>
/// <param name="factory">Makes the method.</param>
/// <param name="options">What the run needs.</param>
public sealed class TrainingRun(IMethodFactory factory, RunOptions options)
{
    private readonly RunningMedian _speeds = new(skip: 2);
    private readonly RunCheckpoints _checkpoints = new(Path.Combine(options.Folder, RunFiles.Checkpoints), options.Recipe.Train.Keep, options.Hooks, options.OnLine);
    private readonly RunAgreement _agreement = new(options.Group);
    private readonly Dictionary<string, double> _measured = new(StringComparer.Ordinal);
    private Recipe _recipe = options.Recipe.Resolve();
    private int[] _train = [], _heldOut = [];
    private StepImages? _images;
    private MemoryPlan? _plan;
    private bool _wasCut;

    /// <summary>Runs to the end, or to the step in which it is cancelled.</summary>
    /// <returns>What it came to.</returns>
    /// <exception cref="LdaeException">Run: among others, the device has no memory left; the message has the plan by owner.</exception>
    public RunResult Run() => Run(static _ => { });

    /// <summary>Runs to the end, or to the step in which it is cancelled.</summary>
    /// <param name="trained">Called on every process when the method is trained to the end, before its memory is freed.</param>
    /// <returns>What it came to.</returns>
    public RunResult Run(Action<Trainer> trained)
    {
        try
        {
            return RunPlanned(trained);
        }
        catch (DeviceMemoryException error)
        {
            throw new LdaeException(
                ErrorKind.Run, $"{error.Message} {Asked} asks for this:\n{string.Join('\n', _plan?.Describe() ?? [])}", $"{Less} {error.Remedy}", error);
        }
    }

    private string Asked => $"train.batch = {_recipe.Train.Batch} in train.accumulate = {_recipe.Train.Accumulate} parts";

    private string Less =>
        $"Raise train.accumulate or lower train.batch: {_recipe.Train.MicroBatch / options.Group.Size} images are held at once. network.recompute=true takes less memory for "
            + $"more time.";

    /// <summary>Whether the run's memory is a device's own, so that images in the machine's are no part of its plan.</summary>
    private bool OnDevice => options.Backend is IDeviceBackend;

    private string Config => Path.Combine(options.Folder, RunFiles.Config);

    private string MetricsPath => Path.Combine(options.Folder, RunFiles.Metrics);

    private RunResult RunPlanned(Action<Trainer> trained)
    {
        if (_agreement.Writes)
        {
            _checkpoints.Prepare();
        }

        _agreement.Check(_recipe.Train, options.Source.Count, options.Source.ClassNames.Count);
        Split();
        _recipe = factory.Complete(_recipe, options.Source);

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

        using var method = factory.Create(options.Backend, _recipe, _agreement.Share(() => checkpoint is null ? Fit() : Fitted(checkpoint), factory, _recipe));
        _plan = method.Recipe == _recipe ? _plan : Plan(method.Recipe);
        using var trainer = new Trainer(method, _plan, group: options.Group);
        var state = _agreement.Start(trainer, checkpoint is null ? default : TrainingCheckpoint.Resume(checkpoint, trainer));
        if (checkpoint is not null)
        {
            options.OnLine?.Invoke($"Resumed from {checkpoint.Folder}, step {trainer.Step}.");
        }

        // Only now is it sure that the recipe fits the checkpoint: one that does not must leave the run's own as it is.
        if (_agreement.Writes)
        {
            AtomicFile.WriteText(Config, RecipeJson.Write(method.Recipe));
            if (_recipe.Train.SpikeFactor > 0 && trainer.Step == 0)
            {
                // Something to go back to from the first step on.
                _checkpoints.Save(trainer, state);
            }
        }

        while (true)
        {
            if (Loop(trainer, state, _plan.TotalBytes, out var objection) is { } result)
            {
                if (!result.Interrupted)
                {
                    trained(trainer);
                }

                return result;
            }

            // All see the same loss, so all go back; rank 0 knows where to.
            foreach (var hook in options.Hooks)
            {
                hook.TakenBack();
            }

            state = _agreement.Start(trainer, _agreement.Writes ? _checkpoints.RollBack(trainer, objection!) : default);
        }
    }

    private void Split()
    {
        if (options.TrainingImages is { } given)
        {
            _train = given;
            return;
        }

        var labels = Enumerable.Range(0, options.Source.Count).Select(options.Source.Label).ToArray();
        (_train, _heldOut) = _recipe.Train.KnnEvery > 0 ? HoldOut.Split(labels, _recipe.Data.HoldOut, _recipe.Train.Seed) : ([.. labels.Select((_, i) => i)], []);
        if (_recipe.Train.KnnEvery > 0 && _heldOut.Length == 0)
        {
            throw new LdaeException(
                ErrorKind.Data,
                $"train.knnEvery = {_recipe.Train.KnnEvery} probes held-out images, but data.holdOut = {_recipe.Data.HoldOut} holds out none of the {labels.Length} images of "
                    + $"{options.Source.Name}.",
                "Give a training set with two images or more of some class, raise data.holdOut, or set train.knnEvery=0.");
        }
    }

    /// <summary>Trains on from where the trainer stands.</summary>
    /// <returns>Null where a step must be taken back.</returns>
    private RunResult? Loop(Trainer trainer, TrainingState before, long plannedBytes, out string? objection)
    {
        objection = null;
        var train = _recipe.Train;
        var length = new RunLength(train, _train.Length);
        using var metrics = _agreement.Writes ? new MetricsLog(MetricsPath, trainer.Step) : null;
        using var events = _agreement.Writes ? new EventLog(options.Folder, trainer.Step) : null;
        metrics?.Events = events;
        events?.Text(trainer.Step, "config", $"```\n{RecipeJson.Write(trainer.Method.Recipe)}\n```");
        Tell(hook => hook.Begin(Moment(trainer, events, starts: true)));
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
            if (Step(trainer, images, before.LearningRateFactor * length.LearningRate(trainer.Step, now), saved, out objection) is not { } result)
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
            var moment = Moment(trainer, events, ends: ends);
            Report(moment, result, length, metrics, Seconds());
            if (moment.WantsCheckpoint || (!ends && train.CheckpointEvery > 0 && trainer.Step % train.CheckpointEvery == 0))
            {
                _checkpoints.Save(trainer, State());
                (saved, moment.IsSaved) = (trainer.Step, true);
            }

            Tell(hook => hook.StepEnded(moment));
        }

        // A last probe that was cut short is an interruption as well, though no step is missing.
        interrupted |= _wasCut;
        if (trainer.Step != saved && _agreement.Writes)
        {
            _checkpoints.Save(trainer, State());
            if (!interrupted)
            {
                var moment = Moment(trainer, events, ends: true);
                moment.IsSaved = true;
                Tell(hook => hook.StepEnded(moment));
            }
        }

        return Result(new RunResult(trainer.Step, last, _speeds.Value, Seconds(), interrupted, plannedBytes, _speeds.Count, before.Rollbacks) { Measured = _measured });
    }

    /// <summary>What a run with nothing left to do came to stands in its log.</summary>
    private RunResult Result(RunResult done) => _speeds.Count == 0 && _agreement.Writes && MetricsLog.ReadLast(MetricsPath) is { } line
        ? done with { Last = line.Result, ImagesPerSecond = line.ImagesPerSecond, Measured = line.Measured.ToDictionary(metric => metric.Name, metric => metric.Value) }
        : done;

    private RunMoment Moment(Trainer trainer, EventLog? events, bool starts = false, bool ends = false) =>
        new(trainer, options with { Recipe = _recipe }, _train, _heldOut) { Events = events, Starts = starts, Ends = ends };

    private void Tell(Action<RunHook> what)
    {
        foreach (var hook in _agreement.Writes ? options.Hooks : [])
        {
            what(hook);
        }
    }

    /// <summary>One step; the diagnosis of a failed one says what is left to go on from.</summary>
    /// <returns>Null where the step must be taken back.</returns>
    private StepResult? Step(Trainer trainer, IStepImages images, double learningRate, long saved, out string? objection)
    {
        using var range = Ranges.Open("step");
        objection = null;
        try
        {
            var result = trainer.Run(images, learningRate);
            foreach (var hook in options.Hooks)
            {
                objection ??= hook.Objection(trainer.Step, result);
            }

            return objection is null ? result : null;
        }
        catch (NonFiniteStepException error) when (options.Hooks.Any(hook => hook.TakesBackNonFinite))
        {
            objection = error.Message;
            return null;
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Run)
        {
            var kept = saved >= 0 ? $"The checkpoint of step {saved} is kept." : "No checkpoint was written yet.";
            throw new LdaeException(ErrorKind.Run, error.Message, $"{kept} {error.Remedy}", error);
        }
    }

    /// <summary>Progress, what the hooks measure, and the step's line.</summary>
    private void Report(RunMoment moment, StepResult result, RunLength length, MetricsLog metrics, double seconds)
    {
        var (train, step) = (_recipe.Train, moment.Step);
        var expected = moment.Ends ? step : length.ExpectedSteps(step, seconds);
        var speed = _speeds.Value;
        options.OnStep?.Invoke(step, expected, result, speed, TimeSpan.FromSeconds(Math.Max(0, (expected - step) * train.Batch / speed)));
        Tell(hook => hook.AfterStep(moment));
        _wasCut |= moment.WasCut;
        foreach (var (name, value) in moment.Metrics)
        {
            _measured[name] = value;
        }

        if (moment.Metrics.Count > 0 || moment.Ends || step == 1 || step % train.LogEvery == 0)
        {
            metrics.Write(new MetricsLine(step, result, speed, seconds) { Measured = moment.Metrics });
        }
    }

    private IFitted? Fitted(Checkpoint checkpoint)
    {
        using var file = SafetensorsFile.Open(Path.Combine(checkpoint.Folder, TrainingCheckpoint.ModelFile));
        return factory.Read(file, _recipe);
    }

    /// <summary>Fits what a run that begins needs. It may take minutes: a run that is killed meanwhile must find what it was started with.</summary>
    private IFitted? Fit()
    {
        var isNew = !File.Exists(Config);
        if (isNew)
        {
            AtomicFile.WriteText(Config, RecipeJson.Write(_recipe));
        }

        try
        {
            return factory.Fit(options with { Recipe = _recipe }, _train);
        }
        catch (LdaeException) when (isNew)
        {
            // What cannot even begin is no run.
            File.Delete(Config);
            throw;
        }
    }

    private MemoryPlan Plan(Recipe recipe)
    {
        var (activations, parameters) = (options.Backend.ActivationType, options.Backend.ParameterType);
        var own = recipe with { Train = recipe.Train with { Batch = recipe.Train.Batch / options.Group.Size } };
        var plan = MemoryPlan.Of(factory, own, activations, parameters, options.Backend.WorkspaceBytes, _images!.SetBytes, _images.InputBytes);
        foreach (var hook in _agreement.Writes ? options.Hooks : [])
        {
            var (owner, bytes) = hook.Plan(factory, own, activations, parameters);
            plan = plan.With(owner, bytes);
        }

        return plan.With("decoded images", OnDevice ? 0 : _images.KeptBytes);
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
