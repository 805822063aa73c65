using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>The checkpoints of one run: the last of them, and one that a hook keeps.</summary>
/// <param name="folder">Where they are.</param>
/// <param name="keep">How many of the last are kept.</param>
/// <param name="hooks">What takes part in the run.</param>
/// <param name="onLine">Told of whatever a person may want to read.</param>
internal sealed class RunCheckpoints(string folder, int keep, IReadOnlyList<RunHook> hooks, Action<string>? onLine)
{
    /// <summary>Makes the folder, and removes what a kill left of unfinished checkpoints.</summary>
    public void Prepare()
    {
        Directory.CreateDirectory(folder);
        CheckpointFolder.RemoveStale(folder);
    }

    /// <summary>The newest whole checkpoint; says which newer ones are broken.</summary>
    /// <returns>Null where none was written yet.</returns>
    /// <exception cref="LdaeException">Data: none is whole.</exception>
    public Checkpoint? Latest()
    {
        var latest = CheckpointFolder.LatestValid(folder, out var warnings);
        foreach (var warning in warnings)
        {
            onLine?.Invoke($"warning: {warning}");
        }

        if (latest is null && warnings.Count > 0)
        {
            throw new LdaeException(
                ErrorKind.Data,
                $"No checkpoint in {folder} is whole: {warnings[0]}",
                $"Bring one of them back from a copy, or delete {folder} to start the run anew.");
        }

        if (latest is null)
        {
            onLine?.Invoke($"No checkpoint was written to {folder} yet: the run starts anew.");
        }

        return latest;
    }

    /// <summary>Refuses a checkpoint of another experiment, which would train on here as if it were this run's.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="recipe">What the run trains, resolved.</param>
    /// <exception cref="LdaeException">Data: the message names the field that differs, and both values.</exception>
    public static void Require(Checkpoint checkpoint, Recipe recipe)
    {
        var own = TrainingCheckpoint.RecipeIn(Path.Combine(checkpoint.Folder, TrainingCheckpoint.ModelFile)).Resolve();
        if (Experiment.Difference(own, recipe) is var (field, trained, now))
        {
            throw new LdaeException(
                ErrorKind.Data,
                $"{checkpoint.Folder} was trained with {field} = {trained}, but this run has {field} = {now}: one of the two is of another run.",
                $"If it is the checkpoint, move it away and resume from the one before; if it is {RunFiles.Config}, delete that: the checkpoints hold the recipe too.");
        }
    }

    /// <summary>Writes a checkpoint, and removes those that are too old to be kept.</summary>
    /// <exception cref="LdaeException">Run: the disk is full, or takes no writes.</exception>
    public void Save(Trainer trainer, TrainingState state)
    {
        using var range = Ranges.Open("checkpoint");
        TrainingCheckpoint.Save(folder, trainer, state);
        foreach (var hook in hooks)
        {
            hook.Saved(folder, trainer.Step);
        }

        CheckpointFolder.Prune(folder, Math.Max(1, keep), trainer.Step, hooks.Select(hook => hook.Keeps).FirstOrDefault(step => step is not null));
    }

    /// <summary>Brings a trainer whose loss has jumped back to the last whole checkpoint, to go on at half the learning rate.</summary>
    /// <param name="trainer">The trainer.</param>
    /// <param name="spike">What is the matter, for a person.</param>
    /// <returns>Where the run stands now.</returns>
    /// <exception cref="LdaeException">Run: it has been brought back too often, or no checkpoint is whole.</exception>
    public TrainingState RollBack(Trainer trainer, string spike)
    {
        var spiked = trainer.Step;
        var state = CheckpointFolder.LatestValid(folder, out _) is { } last
            ? TrainingCheckpoint.Resume(last, trainer)
            : throw new LdaeException(ErrorKind.Run, $"{spike} No checkpoint in {folder} is whole to go back to.", "Start a run with a lower train.lr.");
        if (state.Rollbacks == TrainingCheckpoint.MostRollbacks)
        {
            throw new LdaeException(
                ErrorKind.Run,
                $"{spike} The run has gone back {TrainingCheckpoint.MostRollbacks} times already, and its learning rate is a {1 / state.LearningRateFactor:F0}th of the recipe's.",
                $"The checkpoint of step {state.Step} is kept. Start a run with a lower train.lr, a longer train.warmup, or train.clip=1.");
        }

        state = state with { Rollbacks = state.Rollbacks + 1 };

        // Written down at once: a run that is killed before its next checkpoint must not try the same rate again.
        Save(trainer, state);
        onLine?.Invoke($"{spike} Back from step {spiked} to the checkpoint of step {state.Step}, on at {state.LearningRateFactor:G3} of the learning rate.");
        return state;
    }
}
