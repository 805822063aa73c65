using System.Runtime.ExceptionServices;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;

namespace LDaeCore.Model.Training;

/// <summary>The whole batch of the next step is on its way to the device while this step is computed: a double buffer, filled beside the work.</summary>
/// <param name="backend">The device.</param>
/// <param name="batches">The batches, decoded ahead on threads of their own.</param>
/// <param name="batch">Images of a step.</param>
/// <param name="images">Images of a micro-batch.</param>
/// <param name="side">Side of an image.</param>
public sealed class StreamedImages(IDeviceBackend backend, IImageBatches batches, int batch, int images, int side) : IStepImages
{
    private readonly IStagedTensor _staged = backend.Stage(new Shape(batch, side, side, 3));
    private ExceptionDispatchInfo? _failure;
    private bool _sent;
    private int[] _sentLabels = [];

    /// <inheritdoc/>
    public IReadOnlyList<int> Labels { get; private set; } = [];

    /// <inheritdoc/>
    public void Begin(long step)
    {
        _failure?.Throw();
        if (!_sent)
        {
            Send();
        }

        _staged.Take();
        Labels = _sentLabels;
        _sent = false;
    }

    /// <inheritdoc/>
    public Tensor MicroBatch(int micro) => _staged.Tensor.Slice(micro * images, images);

    /// <inheritdoc/>
    public void Ahead()
    {
        try
        {
            Send();
        }
        catch (LdaeException error)
        {
            // Whether anybody needs the next batch is not known yet: the last step must not fail for want of another.
            _failure = ExceptionDispatchInfo.Capture(error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _staged.Dispose();

    private void Send()
    {
        var next = batches.Next();
        _staged.Send(next.Filled);
        _sentLabels = [.. next.Labels];
        batches.Return(next);
        _sent = true;
    }
}
