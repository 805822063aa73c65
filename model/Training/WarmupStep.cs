using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>A recipe's training step without data, to make a device ready for it: what it asks for is what training will ask for.</summary>
public sealed class WarmupStep : IDisposable
{
    private readonly IMethod _method;
    private readonly Trainer _trainer;
    private readonly NoImages _images;

    /// <summary>Allocates the step's memory; nothing in it has a value.</summary>
    /// <param name="factory">Makes the recipe's method.</param>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The recipe.</param>
    public WarmupStep(IMethodFactory factory, IBackend backend, Recipe recipe)
    {
        _method = factory.Plan(backend, recipe.Resolve());
        _trainer = new Trainer(_method, MemoryPlan.Of(factory, _method.Recipe, backend.ActivationType, backend.ParameterType), ArenaMode.Packed);
        _images = new NoImages(backend, recipe.Train.MicroBatch, _method.Input.ImageSize);
    }

    /// <summary>Lets the device prepare the step.</summary>
    public void Prepare() => _trainer.Prepare(_images);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _images.Dispose();
        _trainer.Dispose();
        _method.Dispose();
    }

    /// <summary>A place for images that never come.</summary>
    private sealed class NoImages(IBackend backend, int images, int side) : IStepImages
    {
        private readonly PersistentTensor _place = new(backend, new Shape(images, side, side, 3), DType.U8);

        public void Begin(long step) => throw new NotSupportedException("A warm-up step is never run.");

        public Tensor MicroBatch(int micro) => _place.Tensor;

        public void Ahead()
        {
        }

        public void Dispose() => _place.Dispose();
    }
}
