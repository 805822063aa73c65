using System.Diagnostics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>A backend around another that is told after each primitive what it was and what it wrote: no hook in the maths is needed.</summary>
/// <param name="inner">Who computes; it outlives this.</param>
public abstract class ObservedBackend(IBackend inner) : IBackend
{
    /// <inheritdoc/>
    public DeviceKind Kind => inner.Kind;

    /// <inheritdoc/>
    public DType ActivationType => inner.ActivationType;

    /// <inheritdoc/>
    public DType ParameterType => inner.ParameterType;

    /// <inheritdoc/>
    public long WorkspaceBytes => inner.WorkspaceBytes;

    /// <inheritdoc/>
    public void Prepare(Action work) => inner.Prepare(work);

    /// <inheritdoc/>
    public virtual Storage Allocate(long bytes) => inner.Allocate(bytes);

    /// <inheritdoc/>
    public void Synchronize() => inner.Synchronize();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged
    {
        var start = Stopwatch.GetTimestamp();
        inner.Upload(values, to);
        After(nameof(Upload), start, to);
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged
    {
        var start = Stopwatch.GetTimestamp();
        inner.Download(from, values);
        After(nameof(Download), start);
    }

    /// <inheritdoc/>
    public virtual void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Run(call, arguments, kernel);
        After(call.Name, start, call.Results);
    }

    /// <inheritdoc/>
    public ICovarianceSums SumCovariance(int dimensions) => inner.SumCovariance(dimensions);

    /// <summary>Ends the observing.</summary>
    /// <param name="disposing">True, as there is no finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        // The backend inside is not owned.
    }

    /// <summary>Called after each primitive.</summary>
    /// <param name="primitive">Its name.</param>
    /// <param name="start">The stopwatch's time stamp of its start.</param>
    /// <param name="results">The tensors it wrote; null for those that were not wanted.</param>
    protected abstract void After(string primitive, long start, params ReadOnlySpan<Tensor?> results);
}
