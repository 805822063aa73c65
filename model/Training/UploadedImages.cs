using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;

namespace LDaeCore.Model.Training;

/// <summary>Each micro-batch is copied when its turn has come: where the device is the processor, or one that records nothing.</summary>
/// <param name="backend">The device.</param>
/// <param name="batches">The batches, decoded ahead on threads of their own.</param>
/// <param name="images">Images of a micro-batch.</param>
/// <param name="side">Side of an image.</param>
public sealed class UploadedImages(IBackend backend, IImageBatches batches, int images, int side) : IStepImages
{
    private readonly PersistentTensor _images = new(backend, new Shape(images, side, side, 3), DType.U8);
    private ImageBatch? _batch;

    /// <inheritdoc/>
    public IReadOnlyList<int> Labels => _batch?.Labels ?? [];

    /// <inheritdoc/>
    public void Begin(long step) => _batch = batches.Next();

    /// <inheritdoc/>
    public Tensor MicroBatch(int micro)
    {
        var bytes = (int)_images.Tensor.Bytes;
        backend.Upload(_batch!.Filled.Slice(micro * bytes, bytes), _images.Tensor);
        return _images.Tensor;
    }

    /// <inheritdoc/>
    public void Ahead() => batches.Return(_batch!);

    /// <inheritdoc/>
    public void Dispose() => _images.Dispose();
}
