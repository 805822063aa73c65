using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>A recipe's training step without data, to make a device ready for it: what it asks for is what training will ask for.</summary>
public sealed class RehearsedStep : IDisposable
{
    // Where the data choose the number of components, the rehearsal takes the usual one.
    private const int UnknownDim = 32;

    private readonly LatentDenoiser _model;
    private readonly Trainer _trainer;
    private readonly NoImages _images;

    /// <summary>Allocates the step's memory; nothing in it has a value.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The recipe.</param>
    public RehearsedStep(IBackend backend, Recipe recipe)
    {
        var resolved = recipe.Resolve();
        var dim = resolved.Tokenizer.Dim > 0 ? resolved.Tokenizer.Dim : Math.Min(UnknownDim, resolved.Tokenizer.PatchValues);
        _model = LatentDenoiser.ForPlan(backend, resolved, dim);
        _trainer = new Trainer(_model, MemoryPlan.Of(resolved, backend.ActivationType, backend.ParameterType, dim), ArenaMode.Packed);
        _images = new NoImages(backend, resolved);
    }

    /// <summary>Lets the device prepare the step.</summary>
    public void Prepare() => _trainer.Prepare(_images);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _images.Dispose();
        _trainer.Dispose();
        _model.Dispose();
    }

    /// <summary>A place for images that never come.</summary>
    private sealed class NoImages(IBackend backend, Recipe recipe) : IStepImages
    {
        private readonly PersistentTensor _place =
            new(backend, new Shape(recipe.Train.MicroBatch, recipe.Data.ImageSize, recipe.Data.ImageSize, 3), DType.U8);

        public void Begin(long step) => throw new NotSupportedException("A rehearsed step is never run.");

        public Tensor MicroBatch(int micro) => _place.Tensor;

        public void Ahead()
        {
        }

        public void Dispose() => _place.Dispose();
    }
}
