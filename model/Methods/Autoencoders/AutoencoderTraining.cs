using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// Trains a recipe's tokenizer as a run of its own, by the numbers of <c>tokenizer.train*</c>, and writes it to the run folder.
/// </summary>
/// <param name="options">Recipe, device, images and folder; a folder that holds checkpoints is gone on from.</param>
public sealed class AutoencoderTraining(RunOptions options)
{
    private const double Warmup = 0.05, LargestNorm = 1;

    /// <summary>The recipe of the run: linear warm-up over a twentieth of the steps, half-cosine to 0, gradients clipped at norm 1.</summary>
    /// <param name="recipe">The recipe whose tokenizer is trained, resolved; a recipe of such a run stays as it is.</param>
    /// <param name="images">Number of training images.</param>
    /// <returns>The recipe.</returns>
    public static Recipe RecipeOf(Recipe recipe, int images)
    {
        var tokenizer = recipe.Tokenizer;
        var steps = Math.Max(1, (long)Math.Round(tokenizer.TrainEpochs * images / tokenizer.TrainBatch));
        return recipe with
        {
            Method = new MethodRecipe { Kind = MethodKind.Autoencoder },
            Train = recipe.Train with
            {
                Steps = null,
                Minutes = null,
                Epochs = tokenizer.TrainEpochs,
                Batch = tokenizer.TrainBatch,
                Accumulate = 1,
                Lr = tokenizer.TrainLr,

                // A whole number of steps, rounded down.
                Warmup = Math.Floor(Warmup * steps) / steps,
                WeightDecay = 0,
                Clip = LargestNorm,
                Ema = tokenizer.TrainEma,
                SpikeFactor = 0,
                KnnEvery = 0,
            },
        };
    }

    /// <summary>Trains to the end, or to the step in which it is cancelled.</summary>
    /// <returns>What it came to.</returns>
    /// <exception cref="LdaeException">Run: a loss is not a finite number. Configuration: the folder holds the training of another tokenizer.</exception>
    public TokenizerResult Run()
    {
        AutoencoderFactory.Require(options.Recipe);
        var images = options.TrainingImages ?? [.. Enumerable.Range(0, options.Source.Count)];
        var run = options with { Recipe = RecipeOf(options.Recipe.Resolve(), images.Length), TrainingImages = images, OnStep = Report };
        var checkpoints = Path.Combine(options.Folder, RunFiles.Checkpoints);
        if (options.Group.Rank == 0 && Directory.Exists(checkpoints) && CheckpointFolder.LatestValid(checkpoints, out _) is { } checkpoint)
        {
            RequireSame(checkpoint, run.Recipe);
            run = run with { Resume = true };
        }

        FittedTokenizer? fitted = null;
        try
        {
            var result = new TrainingRun(new AutoencoderFactory(), run).Run(trainer => fitted = Finish(run, images, trainer));
            var terms = result.Last?.Metrics.Where(metric => IsTerm(metric.Name)).Select(metric => (metric.Name["loss_".Length..], metric.Value)) ?? [];
            return new TokenizerResult(fitted, result.Steps, result.Last?.Loss ?? double.NaN, [.. terms], result.ImagesPerSecond, result.Seconds)
            {
                PlannedBytes = result.PlannedBytes,
            };
        }
        catch (NonFiniteStepException error)
        {
            throw new LdaeException(ErrorKind.Run, error.Message, "Start again with a lower tokenizer.trainLr.", error);
        }
    }

    private static bool IsTerm(string name) => name is "loss_reconstruction" or "loss_kl";

    private void Report(long step, long steps, StepResult result, double speed, TimeSpan left)
    {
        options.OnStep?.Invoke(step, steps, result, speed, left);
        if (step == 1 || step == steps || step % options.Recipe.Train.LogEvery == 0)
        {
            var parts = string.Join(
                ", ",
                result.Metrics.Where(metric => IsTerm(metric.Name))
                    .Select(metric => string.Create(CultureInfo.InvariantCulture, $"{metric.Name["loss_".Length..]} {metric.Value:G5}")));
            options.OnLine?.Invoke(string.Create(CultureInfo.InvariantCulture, $"tokenizer step {step} of {steps}: loss {result.Loss:G5} ({parts})"));
        }
    }

    /// <summary>The tokenizer of the last step's weights, or of their average where one was kept.</summary>
    private static FittedTokenizer? Finish(RunOptions run, int[] images, Trainer trainer)
    {
        if (run.Group.Rank > 0)
        {
            return null;
        }

        var (method, recipe) = ((IAutoencoder)trainer.Method, run.Recipe);
        if (trainer.Phases[0].Average is { } average)
        {
            method.Backend.Copy(average, method.Phases[0].Parameters.Values);
            method.Phases[0].Parameters.Round();
        }

        var fitted = method.Finish(CenterBatches.Read(
            run.Source, PatchSample.Choose(images, recipe.Train.Seed), recipe.Data.ImageSize, workers: run.LoaderThreads, bad: run.Bad, cancellation: run.Cancellation));
        fitted.Save(Path.Combine(run.Folder, FittedTokenizer.FileName), recipe);
        return fitted;
    }

    private static void RequireSame(Checkpoint checkpoint, Recipe recipe)
    {
        var saved = TrainingCheckpoint.RecipeIn(Path.Combine(checkpoint.Folder, TrainingCheckpoint.ModelFile)).Resolve();
        var other = RecipeFields.All.FirstOrDefault(f => (f.Group is "tokenizer" or "data" || f.Name == "train.seed") && f.Get(saved) != f.Get(recipe));
        if (other is not null)
        {
            throw new LdaeException(
                ErrorKind.Configuration,
                $"{checkpoint.Folder} was trained with {other.Name} = {other.Get(saved)}, not {other.Get(recipe)}.",
                $"Give another folder, or set {other.Name}={other.Get(saved)} to go on.");
        }
    }
}

/// <summary>What the training of a tokenizer came to.</summary>
/// <param name="Tokenizer">The tokenizer; null when the training was interrupted.</param>
/// <param name="Steps">Optimizer steps done in all.</param>
/// <param name="Loss">Loss of the last step.</param>
/// <param name="Terms">Its terms, not weighted.</param>
/// <param name="ImagesPerSecond">Median over this process's steps after its first two.</param>
/// <param name="Seconds">Time spent training in all.</param>
public sealed record TokenizerResult(
    FittedTokenizer? Tokenizer, long Steps, double Loss, IReadOnlyList<(string Name, double Value)> Terms, double ImagesPerSecond, double Seconds)
{
    /// <summary>Memory that the run planned for.</summary>
    public long PlannedBytes { get; init; }
}
