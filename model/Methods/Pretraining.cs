using LDaeCore.Engine.Errors;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods;

/// <summary>A run of a recipe's method with the hooks that the recipe asks for: loss spikes, nearest neighbours, the best checkpoint.</summary>
/// <param name="options">What the run needs; its own hooks come after those of the recipe.</param>
public sealed class Pretraining(RunOptions options)
{
    /// <summary>Runs to the end, or to the step in which it is cancelled.</summary>
    /// <returns>What it came to.</returns>
    /// <exception cref="LdaeException">Run: among others, the device has no memory left; the message has the plan by owner.</exception>
    public RunResult Run()
    {
        var (train, best) = (options.Recipe.Train, new KeepBest(NearestNeighbourProbe.Metric));
        RunHook[] hooks =
        [
            new LossSpikes(train.SpikeFactor),
            .. train.KnnEvery > 0 ? [new NearestNeighbourProbe()] : Array.Empty<RunHook>(),
            best,
            .. options.Hooks,
        ];
        return new TrainingRun(MethodCatalog.Of(options.Recipe), options with { Hooks = hooks }).Run() with { Best = best.Best };
    }
}
