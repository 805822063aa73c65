using System.Globalization;
using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// The memory of a training run by owner, from shapes alone: one step is walked on a device without memory. A run allocates
/// exactly this before its first step and nothing afterwards.
/// </summary>
public sealed class MemoryPlan
{
    private MemoryPlan(long parameterCount, IReadOnlyList<(string Owner, long Bytes)> owners, long arenaBytes)
    {
        ParameterCount = parameterCount;
        Owners = owners;
        ArenaBytes = arenaBytes;
    }

    /// <summary>Number of trained values.</summary>
    public long ParameterCount { get; }

    /// <summary>Bytes by owner: parameters, gradients, optimizer, average, input, then the step's activations.</summary>
    public IReadOnlyList<(string Owner, long Bytes)> Owners { get; }

    /// <summary>Bytes of the step arena: the highest address a step reaches.</summary>
    public long ArenaBytes { get; }

    /// <summary>Bytes in all.</summary>
    public long TotalBytes => Owners.Sum(o => o.Bytes);

    /// <summary>Plans a run by walking a step of its method.</summary>
    /// <param name="factory">Makes the method on a planning device.</param>
    /// <param name="recipe">The recipe, its batch that of this process.</param>
    /// <param name="activations">Element type of activations.</param>
    /// <param name="parameters">Element type of parameters.</param>
    /// <param name="workspace">Bytes that the backend keeps for itself.</param>
    /// <param name="images">Bytes of the data set that lies in memory.</param>
    /// <param name="step">Bytes of the images of a step; those of a micro-batch when not given.</param>
    /// <returns>The plan.</returns>
    public static MemoryPlan Of(
        IMethodFactory factory, Recipe recipe, DType activations, DType parameters, long workspace = 0, long images = 0, long? step = null)
    {
        using var backend = new PlanBackend(activations, parameters);
        using var method = factory.Plan(backend, recipe.Resolve());
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        var (micro, side) = (recipe.Train.MicroBatch, method.Input.ImageSize);
        using var input = new PersistentTensor(backend, new Shape(micro, side, side, 3), DType.U8);
        method.Allocate(micro);
        foreach (var phase in method.Phases)
        {
            using var values = new PersistentTensor(backend, new Shape(phase.Values), parameters);
            Tensor[] shares = [.. phase.Terms.Select(term => values.Tensor.Slice(0, 1 + term.Parts.Count))];
            PhaseTrainer.Differentiate(phase, new Tape(backend, arena), new MicroBatch(input.Tensor, 0, 0, 0), shares, values.Tensor);
            arena.Reset();
        }

        var count = method.Phases.Sum(phase => phase.Parameters.Count);
        return new MemoryPlan(count, [.. Fixed(recipe, method, step ?? input.Tensor.Bytes, workspace, images), .. Activations(arena)], arena.Peak);
    }

    /// <summary>The plan with one owner more.</summary>
    /// <param name="owner">Its name.</param>
    /// <param name="bytes">Its bytes; an owner of none is left out.</param>
    /// <returns>The plan.</returns>
    public MemoryPlan With(string owner, long bytes) => bytes == 0 ? this : new MemoryPlan(ParameterCount, [.. Owners, (owner, bytes)], ArenaBytes);

    /// <summary>The plan as lines: fixed owners one by one, the blocks' activations together.</summary>
    /// <returns>The lines.</returns>
    public IEnumerable<string> Describe()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"{ParameterCount:N0} parameters; memory plan {TotalBytes / 1e6:N1} MB:");
        var groups = Owners.GroupBy(o => o.Owner.StartsWith("activations: block", StringComparison.Ordinal) ? "activations: blocks" : o.Owner);
        foreach (var group in groups)
        {
            var count = group.Count();
            var each = count > 1 ? string.Create(CultureInfo.InvariantCulture, $" ({count}, {group.Max(o => o.Bytes) / 1e6:N1} MB each at most)") : "";
            yield return string.Create(CultureInfo.InvariantCulture, $"  {group.Key,-28} {group.Sum(o => o.Bytes) / 1e6,10:N1} MB{each}");
        }
    }

    private static IEnumerable<(string, long)> Fixed(Recipe recipe, IMethod method, long input, long workspace, long images)
    {
        long OptimizerBytes(Phase phase)
        {
            using var optimizer = PhaseTrainer.NewOptimizer(phase, recipe.Train);
            return optimizer.Bytes;
        }

        var backend = method.Backend;
        var values = method.Phases.Sum(phase => phase.Parameters.FlatCount);
        var flat = values * backend.ParameterType.Size();
        yield return ("parameters", flat);
        yield return ("gradients", flat);
        yield return ("optimizer", method.Phases.Sum(OptimizerBytes));
        if (recipe.Train.Ema > 0)
        {
            yield return ("average", flat);
        }

        if (backend.ActivationType != backend.ParameterType)
        {
            yield return ("parameters, rounded", values * backend.ActivationType.Size());
        }

        foreach (var owner in method.Memory(recipe.Train.Batch))
        {
            yield return owner;
        }

        yield return ("input", input);
        if (images > 0)
        {
            yield return ("images", images);
        }

        if (workspace > 0)
        {
            yield return ("workspace", workspace);
        }
    }

    /// <summary>The step's blocks at its peak, and what lies between them.</summary>
    private static IEnumerable<(string, long)> Activations(StepArena arena)
    {
        foreach (var (owner, bytes) in arena.PeakByOwner.Where(o => o.Value > 0))
        {
            yield return ($"activations: {owner}", bytes);
        }

        var gaps = arena.Peak - arena.PeakByOwner.Values.Sum();
        if (gaps > 0)
        {
            yield return ("activations: gaps", gaps);
        }
    }
}
