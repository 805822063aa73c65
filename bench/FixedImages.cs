using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Bench;

/// <summary>The same images in every step: a step's time without its data.</summary>
internal sealed class FixedImages : IStepImages
{
    private readonly PersistentTensor _images;
    private readonly int _micro;

    /// <summary>Brings random images to the device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">Says how many, in how many parts, and their side.</param>
    public FixedImages(IBackend backend, Recipe recipe)
    {
        var (batch, side) = (recipe.Train.Batch, recipe.Data.ImageSize);
        _micro = recipe.Train.MicroBatch;
        _images = new PersistentTensor(backend, new Shape(batch, side, side, 3), DType.U8);
        backend.Upload<byte>(StepWork.Pixels(batch, side), _images.Tensor);
    }

    /// <inheritdoc/>
    public void Begin(long step)
    {
    }

    /// <inheritdoc/>
    public Tensor MicroBatch(int micro) => _images.Tensor.Slice(micro * _micro, _micro);

    /// <inheritdoc/>
    public void Ahead()
    {
    }

    /// <inheritdoc/>
    public void Dispose() => _images.Dispose();
}
