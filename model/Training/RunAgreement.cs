using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>What the processes of a run agree on: rank 0 knows or decides it, and tells the others.</summary>
/// <param name="group">The processes.</param>
internal sealed class RunAgreement(ICommunicator group)
{
    /// <summary>Whether this process is the one that reads and writes the run folder.</summary>
    public bool Writes => group.Rank == 0;

    /// <summary>Refuses images that are not the same for all, and a batch that cannot be shared out.</summary>
    /// <param name="train">The recipe's numbers.</param>
    /// <param name="images">Images of the data set.</param>
    /// <param name="classes">Its classes.</param>
    /// <exception cref="LdaeException">Configuration or Data: the message names the field, or the process that sees other images.</exception>
    public void Check(TrainRecipe train, int images, int classes)
    {
        if (train.Batch % (group.Size * train.Accumulate) != 0)
        {
            throw new LdaeException(
                ErrorKind.Configuration,
                $"train.batch = {train.Batch} is not divisible by {group.Size} processes times train.accumulate = {train.Accumulate}.",
                $"Set train.batch to a multiple of {group.Size * train.Accumulate}, or start another number of processes.");
        }

        var all = group.Gather([images, classes]);
        for (var rank = 1; rank < group.Size; rank++)
        {
            if ((all[2 * rank], all[(2 * rank) + 1]) != (all[0], all[1]))
            {
                throw new LdaeException(
                    ErrorKind.Data,
                    $"Rank {rank} finds {all[2 * rank]} images of {all[(2 * rank) + 1]} classes where rank 0 finds {all[0]} of {all[1]}.",
                    "Give every machine the same files under the same --data.");
            }
        }
    }

    /// <summary>What rank 0 has fitted.</summary>
    /// <param name="fit">Fits or reads it; rank 0 only.</param>
    /// <param name="factory">Reads it on the others.</param>
    /// <param name="recipe">The resolved recipe.</param>
    public IFitted? Share(Func<IFitted?> fit, IMethodFactory factory, Recipe recipe)
    {
        var own = Writes ? fit() : null;
        if (group.Size == 1)
        {
            return own;
        }

        // What a model file holds of it is all there is to it.
        var path = Path.GetTempFileName();
        try
        {
            if (own is not null)
            {
                SafetensorsWriter.Write(path, own.ToTensors());
            }

            var bytes = group.Broadcast(Writes ? File.ReadAllBytes(path) : []);
            if (Writes || bytes.Length == 0)
            {
                return own;
            }

            File.WriteAllBytes(path, bytes);
            using var file = SafetensorsFile.Open(path);
            return factory.Read(file, recipe);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Brings every trainer to where rank 0's is.</summary>
    /// <param name="trainer">The trainer; on rank 0 fresh, or read from a checkpoint.</param>
    /// <param name="state">On rank 0 where the run stands.</param>
    /// <returns>Where rank 0 says it stands.</returns>
    public TrainingState Start(Trainer trainer, TrainingState state)
    {
        if (group.Size == 1)
        {
            return state;
        }

        var said = group.Gather([trainer.Step, state.Seconds, state.Rollbacks]);
        trainer.Step = (long)said[0];
        foreach (var phase in trainer.Phases)
        {
            group.Broadcast(phase.Phase.Parameters.Values);
            foreach (var (_, value) in phase.State)
            {
                group.Broadcast(value);
            }

            if (phase.Average is { } average)
            {
                group.Broadcast(average);
            }
        }

        foreach (var (_, value) in trainer.Method.State)
        {
            group.Broadcast(value);
        }

        return new TrainingState(trainer.Step, said[1], (int)said[2]);
    }

    /// <summary>Whether to stop before the next step: where any process is asked to, all do. The time is rank 0's.</summary>
    public (bool Stops, double Seconds) Ask(bool stops, double seconds)
    {
        var all = group.Gather([stops ? 1 : 0, seconds]);
        return (all.Where((_, i) => i % 2 == 0).Any(asked => asked > 0), all[1]);
    }
}
