using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>The memory of a pass that is not differentiated, found by walking it on a device without memory.</summary>
internal static class PassPlan
{
    /// <summary>A pass over a batch of images.</summary>
    public delegate void Pass(LatentDenoiser model, Tape tape, Tensor images, NoiseLevels levels);

    /// <summary>Bytes of step memory that a pass needs.</summary>
    public static long Bytes(LatentDenoiser model, int images, Pass pass) =>
        Bytes(model.Recipe, model.Backend.ActivationType, model.Backend.ParameterType, images, pass);

    /// <summary>Bytes of step memory that a pass through a model will need.</summary>
    public static long Bytes(Recipe recipe, DType activations, DType parameters, int images, Pass pass)
    {
        using var backend = new PlanBackend(activations, parameters);
        using var plan = LatentDenoiser.ForPlan(backend, recipe, recipe.Tokenizer.Dim);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        using var levels = new NoiseLevels(backend, images, plan.LabelColumns);
        var side = recipe.Data.ImageSize;
        using var batch = new PersistentTensor(backend, new Shape(images, side, side, 3), DType.U8);
        pass(plan, new Tape(backend, arena), batch.Tensor, levels);
        return arena.Peak;
    }
}
