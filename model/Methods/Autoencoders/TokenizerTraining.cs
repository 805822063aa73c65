using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// Trains a tokenizer by AdamW, linear warm-up over a twentieth of the steps and half-cosine to 0, and writes it to the folder; checkpoints on
/// the way, from which the same call in the same folder goes on. A step is a pure function of its number, as in <see cref="Trainer"/>.
/// </summary>
/// <param name="options">Recipe, device, images and folder.</param>
/// <param name="train">The images to train on.</param>
public sealed class TokenizerTraining(PretrainingOptions options, int[] train)
{
    private const double Warmup = 0.05, LargestNorm = 1;
    private const string FirstMoment = "adam.m", SecondMoment = "adam.v", RecipeKey = "recipe";
    private readonly Recipe _recipe = options.Recipe.Resolve();
    private readonly string _checkpoints = Path.Combine(options.Folder, RunFiles.Checkpoints);
    private readonly RunningMedian _speeds = new(skip: 2);
    private long _step;
    private double _loss = double.NaN;
    private (string Name, double Value)[] _terms = [];

    /// <summary>Optimizer steps of the whole training.</summary>
    public long Steps => Math.Max(1, (long)Math.Round(_recipe.Tokenizer.TrainEpochs * train.Length / _recipe.Tokenizer.TrainBatch));

    /// <summary>A tokenizer that can be trained.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The recipe, resolved.</param>
    /// <returns>The tokenizer, at its random start.</returns>
    /// <exception cref="LdaeException">Configuration: its kind is not trained by gradients.</exception>
    public static ITrainableTokenizer Create(IBackend backend, Recipe recipe) => recipe.Tokenizer.Kind switch
    {
        TokenizerKind.PatchAe or TokenizerKind.PatchVae => new PatchAutoencoder(backend, recipe.Tokenizer, LatentDenoiser.RangeOf(recipe), recipe.Train.Seed),
        TokenizerKind.ConvVae => new TrainableConvolutionalVae(backend, recipe),
        _ => throw new LdaeException(
            ErrorKind.Configuration,
            $"tokenizer.kind = {RecipeFields.Get("tokenizer.kind").Get(recipe)} is not trained: it is fitted when a network is.",
            "Set tokenizer.kind to patchAe, patchVae or convVae."),
    };

    /// <summary>Trains to the end, or to the step in which it is cancelled.</summary>
    /// <returns>What it came to.</returns>
    /// <exception cref="LdaeException">Run: a loss is not a finite number.</exception>
    public TokenizerResult Run()
    {
        using var tokenizer = Create(options.Backend, _recipe);
        Directory.CreateDirectory(_checkpoints);
        CheckpointFolder.RemoveStale(_checkpoints);
        var (m, v) = (tokenizer.Parameters.NewFlat(), tokenizer.Parameters.NewFlat());
        if (CheckpointFolder.LatestValid(_checkpoints, out _) is { } checkpoint)
        {
            Resume(checkpoint, tokenizer, m, v);
        }

        var clock = Stopwatch.StartNew();
        Loop(tokenizer, m, v);
        var interrupted = _step < Steps;
        FittedTokenizer? fitted = null;
        if (!interrupted)
        {
            fitted = tokenizer.Finish(CenterBatches.Read(
                options.Source, PatchSample.Choose(train, _recipe.Train.Seed), _recipe.Data.ImageSize, workers: options.LoaderThreads, bad: options.Bad, cancellation: options.Cancellation));
            fitted.Save(Path.Combine(options.Folder, FittedTokenizer.FileName), _recipe);
        }

        return new TokenizerResult(fitted, _step, _loss, _terms, _speeds.Value, clock.Elapsed.TotalSeconds);
    }

    private void Loop(ITrainableTokenizer tokenizer, Tensor m, Tensor v)
    {
        var (backend, fields, side) = (options.Backend, _recipe.Tokenizer, _recipe.Data.ImageSize);
        var saved = _step;
        using var arena = new StepArena(backend, PlannedBytes(), Trainer.DefaultMode);
        using var images = new PersistentTensor(backend, new Shape(fields.TrainBatch, side, side, 3), DType.U8);
        using var norm = new PersistentTensor(backend, new Shape(1), backend.ParameterType);
        using var clip = new PersistentTensor(backend, new Shape(1), backend.ParameterType);
        var augmentation = new Augmentation(side, _recipe.Data.Crop == CropKind.Random, _recipe.Data.CropMinScale, _recipe.Data.Flip);
        var planned = options.Source.ResidentBytes + (options.Backend is IDeviceBackend ? 0 : arena.Capacity);
        var kept = DecodedImages.Budget(options.Source, train, (options.MemoryBytes - planned) / 2);
        using var loader = new BatchLoader(options.Source, train, augmentation, fields.TrainBatch, _recipe.Train.Seed, _step, options.LoaderThreads, options.Bad, kept);
        while (_step < Steps && !options.Cancellation.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            var batch = loader.Next();
            backend.Upload(batch.Filled, images.Tensor);
            loader.Return(batch);
            Differentiate(tokenizer, new Tape(backend, arena), images.Tensor);
            arena.Reset();
            backend.GlobalNorm(tokenizer.Parameters.Gradients, LargestNorm, norm.Tensor, clip.Tensor);
            var rate = LearningRateSchedule.At(_step, Steps, (long)(Warmup * Steps), fields.TrainLr);
            if (!double.IsFinite(_loss))
            {
                throw new LdaeException(ErrorKind.Run, $"Step {_step + 1} of the tokenizer's training has loss {_loss} at learning rate {rate:G4}.", "Start again with a lower tokenizer.trainLr.");
            }

            backend.AdamW(new AdamWArgs(tokenizer.Parameters.Values, tokenizer.Parameters.Gradients, m, v, clip.Tensor)
            {
                LearningRate = rate,
                Beta1 = _recipe.Train.Beta1,
                Beta2 = _recipe.Train.Beta2,
                Epsilon = 1e-8,
                Step = _step + 1,
            });
            _step++;
            _speeds.Add(fields.TrainBatch / Stopwatch.GetElapsedTime(start).TotalSeconds);
            Report(rate, norm.Tensor.ReadDoubles(backend)[0]);
            if (_recipe.Train.CheckpointEvery > 0 && _step % _recipe.Train.CheckpointEvery == 0)
            {
                Save(tokenizer, m, v);
                saved = _step;
            }
        }

        if (_step != saved)
        {
            Save(tokenizer, m, v);
        }
    }

    /// <summary>Gradients of the weighted sum of the loss's terms.</summary>
    private void Differentiate(ITrainableTokenizer tokenizer, Tape tape, Tensor images)
    {
        tokenizer.Parameters.ForgetGradients();
        tokenizer.BeginStep();
        var terms = tokenizer.Loss(tape, images, (uint)_step, 0);
        _terms = [.. terms.Select(term => (term.Name, term.Value.ReadDoubles(tape.Backend)[0] + term.Constant))];
        _loss = terms.Zip(_terms, (term, value) => term.Weight * value.Value).Sum();
        foreach (var term in terms)
        {
            var share = new double[term.Value.Shape.Count];
            share[0] = term.Weight;
            tape.Outgoing(term.Value, out _).Write(tape.Backend, share);
        }

        tape.Backward();
        tokenizer.Parameters.ZeroUntouchedGradients();
    }

    private void Report(double rate, double norm)
    {
        var left = TimeSpan.FromSeconds((Steps - _step) * _recipe.Tokenizer.TrainBatch / Math.Max(_speeds.Value, 1e-9));
        options.OnStep?.Invoke(_step, Steps, new StepResult(_loss, _terms[0].Value, _loss - _terms[0].Value, rate, norm), _speeds.Value, left);
        if (_step == 1 || _step == Steps || _step % _recipe.Train.LogEvery == 0)
        {
            var parts = string.Join(", ", _terms.Select(term => string.Create(CultureInfo.InvariantCulture, $"{term.Name} {term.Value:G5}")));
            options.OnLine?.Invoke(string.Create(CultureInfo.InvariantCulture, $"tokenizer step {_step} of {Steps}: loss {_loss:G5} ({parts})"));
        }
    }

    /// <summary>Bytes of a step's memory, found by walking it on a device without memory.</summary>
    private long PlannedBytes()
    {
        using var backend = new PlanBackend(options.Backend.ActivationType, options.Backend.ParameterType);
        using var tokenizer = Create(backend, _recipe);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        var side = _recipe.Data.ImageSize;
        using var images = new PersistentTensor(backend, new Shape(_recipe.Tokenizer.TrainBatch, side, side, 3), DType.U8);
        Differentiate(tokenizer, new Tape(backend, arena), images.Tensor);
        arena.Reset();
        return arena.Peak;
    }

    private void Save(ITrainableTokenizer tokenizer, Tensor m, Tensor v)
    {
        var backend = options.Backend;
        SafetensorsTensor Entry(string name, Tensor tensor) => SafetensorsTensor.F64(name, tensor.ReadDoubles(backend), tensor.Shape.Count);
        CheckpointFolder.Write(_checkpoints, _step,
        [
            new CheckpointFile(TrainingCheckpoint.ModelFile, path => SafetensorsWriter.Write(
                path,
                [Entry("values", tokenizer.Parameters.Values), Entry(FirstMoment, m), Entry(SecondMoment, v)],
                new Dictionary<string, string> { [RecipeKey] = RecipeJson.Write(_recipe) })),
        ]);
        CheckpointFolder.Prune(_checkpoints, 1, _step);
    }

    private void Resume(Checkpoint checkpoint, ITrainableTokenizer tokenizer, Tensor m, Tensor v)
    {
        using var file = SafetensorsFile.Open(Path.Combine(checkpoint.Folder, TrainingCheckpoint.ModelFile));
        var saved = RecipeJson.Read(file.Metadata[RecipeKey], file.Path).Resolve();
        var other = RecipeFields.All.FirstOrDefault(f => (f.Group is "tokenizer" or "data" || f.Name == "train.seed") && f.Get(saved) != f.Get(_recipe));
        if (other is not null)
        {
            throw new LdaeException(
                ErrorKind.Configuration,
                $"{checkpoint.Folder} was trained with {other.Name} = {other.Get(saved)}, not {other.Get(_recipe)}.",
                $"Give another folder, or set {other.Name}={other.Get(saved)} to go on.");
        }

        foreach (var (name, tensor) in new[] { ("values", tokenizer.Parameters.Values), (FirstMoment, m), (SecondMoment, v) })
        {
            var values = file.ReadDoubles(name);
            if (values.LongLength != tensor.Shape.Count)
            {
                throw new LdaeException(ErrorKind.Data, $"{file.Path}: '{name}' has {values.Length} values where the tokenizer has {tensor.Shape.Count}.", "Delete the folder and train the tokenizer again.");
            }

            tensor.Write(options.Backend, values);
        }

        _step = checkpoint.Step;
        options.OnLine?.Invoke($"Tokenizer resumed from {checkpoint.Folder}, step {_step}.");
    }
}
