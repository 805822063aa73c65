using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Plan;

/// <summary>
/// A device without memory and without arithmetic. Walking a training step on it with a planning arena gives the step's exact
/// memory from shapes alone, in milliseconds, whatever the size of the network.
/// </summary>
/// <param name="activationType">Element type of activations on the device that is planned for.</param>
/// <param name="parameterType">Element type of parameters there.</param>
public sealed class PlanBackend(DType activationType, DType parameterType) : IBackend
{
    /// <inheritdoc/>
    public DeviceKind Kind => DeviceKind.Plan;

    /// <inheritdoc/>
    public DType ActivationType { get; } = activationType;

    /// <inheritdoc/>
    public DType ParameterType { get; } = parameterType;

    /// <inheritdoc/>
    public long WorkspaceBytes => 0;

    /// <inheritdoc/>
    public Storage Allocate(long bytes) => new NoStorage(bytes);

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged
    {
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged => values.Clear();

    /// <summary>Computes nothing: what there is to find out, whether the shapes fit, has been checked.</summary>
    public void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel)
    {
    }

    /// <inheritdoc/>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class NoStorage(long bytes) : Storage(HostStorage.Alignment, bytes)
    {
        protected override void Free()
        {
        }
    }
}
