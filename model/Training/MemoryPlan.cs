using System.Globalization;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
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

    /// <summary>Plans a run.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="activations">Element type of activations.</param>
    /// <param name="parameters">Element type of parameters.</param>
    /// <param name="dim">Components kept, where the recipe leaves it to the data.</param>
    /// <param name="workspace">Bytes that the backend keeps for itself.</param>
    /// <param name="images">Bytes of the data set that lies in memory.</param>
    /// <param name="step">Bytes of the images of a step; those of a micro-batch when not given.</param>
    /// <returns>The plan.</returns>
    public static MemoryPlan Of(Recipe recipe, DType activations, DType parameters, int dim = 32, long workspace = 0, long images = 0, long? step = null)
    {
        using var backend = new PlanBackend(activations, parameters);
        var resolved = recipe.Resolve();
        using var model = LatentDenoiser.ForPlan(backend, resolved, resolved.Tokenizer.Dim > 0 ? resolved.Tokenizer.Dim : dim);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        var (micro, side) = (recipe.Train.MicroBatch, recipe.Data.ImageSize);
        using var input = new PersistentTensor(backend, new Shape(micro, side, side, 3), DType.U8);
        using var levels = new NoiseLevels(backend, micro, model.LabelColumns);
        using var parts = new PersistentTensor(backend, new Shape(3), parameters);
        model.Differentiate(arena, input.Tensor, levels, 0, 0, parts.Tensor, parts.Tensor);
        arena.Reset();
        return new MemoryPlan(model.Parameters.Count, [.. Fixed(recipe, model, step ?? input.Tensor.Bytes, workspace, images), .. Activations(arena)], arena.Peak);
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

    private static IEnumerable<(string, long)> Fixed(Recipe recipe, LatentDenoiser model, long input, long workspace, long images)
    {
        var flat = model.Parameters.FlatCount * model.Backend.ParameterType.Size();
        yield return ("parameters", flat);
        yield return ("gradients", flat);
        yield return ("optimizer", (recipe.Train.WeightDecay > 0 ? 3 : 2) * flat);
        if (recipe.Train.Ema > 0)
        {
            yield return ("average", flat);
        }

        if (model.Backend.ActivationType != model.Backend.ParameterType)
        {
            yield return ("parameters, rounded", model.Parameters.FlatCount * model.Backend.ActivationType.Size());
        }

        yield return ("tokenizer", model.Tokenizer.Bytes);
        yield return ("input", input);
        if (model.LabelColumns > 0)
        {
            yield return ("labels", (long)recipe.Train.Batch * model.LabelColumns * model.Backend.ActivationType.Size());
        }

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
