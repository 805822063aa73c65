using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>What a tokenizer alone makes of images, without noise: encoded and decoded.</summary>
/// <param name="backend">The device.</param>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="recipe">The recipe: image size and range.</param>
public sealed class TokenizerReconstruction(IBackend backend, FittedTokenizer tokenizer, Recipe recipe)
{
    private const int BatchSize = 32;

    /// <summary>Reconstructs images.</summary>
    /// <param name="source">The images.</param>
    /// <param name="indices">Which.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images, which are left out; none is allowed when not given.</param>
    /// <param name="cancellation">Asks to stop before the next batch.</param>
    /// <returns>Pixels in [-1, 1] of each image, original and reconstructed.</returns>
    public IEnumerable<(float[] Original, float[] Reconstructed)> Run(
        IImageSource source, int[] indices, int workers, BadSamples? bad = null, CancellationToken cancellation = default)
    {
        var side = recipe.Data.ImageSize;
        using var range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        range.Tensor.Write(backend, PixelRange.Of(recipe.Data.Range).ToArray());
        using var images = new PersistentTensor(backend, new Shape(BatchSize, side, side, 3), DType.U8);
        using var factors = new UnitFactors(backend, BatchSize);
        using var placed = tokenizer.Place(backend, range.Tensor);
        using var arena = new StepArena(backend, PlannedBytes(images.Tensor.Shape), StepArena.DefaultMode);
        var bytes = new byte[images.Tensor.Bytes];
        foreach (var batch in CenterBatches.Read(source, indices, side, BatchSize, workers, bad, cancellation))
        {
            batch.Filled.CopyTo(bytes);
            backend.Upload<byte>(bytes, images.Tensor);
            var passed = Pass(placed, new Tape(backend, arena), images.Tensor, factors, range.Tensor).Select(t => t.ReadFloats(backend)).ToArray();
            arena.Reset();
            for (var i = 0; i < batch.Count; i++)
            {
                float[] Pixels(float[] patches) => PatchImage.Pixels(patches, i, side, placed.PixelPatch, PixelRange.Of(recipe.Data.Range));
                yield return (Pixels(passed[0]), Pixels(passed[1]));
            }
        }
    }

    private static Tensor[] Pass(ITokenizer placed, Tape tape, Tensor images, UnitFactors factors, Tensor range) => tape.WithoutRecording(() =>
    {
        var space = placed.Space;
        var args = new LatentNoiseArgs(placed.Tokens(tape, images), space.Mean, space.Basis, space.Std, factors.One, factors.Zero) { Seed = 0, Step = 0 };
        return [Patchify.Apply(tape, images, placed.PixelPatch, range), placed.Decode(tape, LatentNoise.Latents(tape, args))];
    });

    private long PlannedBytes(Shape images)
    {
        using var plan = new PlanBackend(backend.ActivationType, backend.ParameterType);
        using var range = new PersistentTensor(plan, new Shape(2, 3), plan.ParameterType);
        using var batch = new PersistentTensor(plan, images, DType.U8);
        using var factors = new UnitFactors(plan, BatchSize);
        using var placed = tokenizer.Place(plan, range.Tensor);
        using var arena = new StepArena(plan, 0, ArenaMode.Plan);
        Pass(placed, new Tape(plan, arena), batch.Tensor, factors, range.Tensor);
        return arena.Peak;
    }
}
