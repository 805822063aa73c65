using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <summary>
/// The executable specification: float64 and plain loops that read as the maths. One file a family of primitives. Nothing here
/// is fast, and nothing should be: it defines what a primitive means, and every other backend is compared
/// with it.
/// </summary>
public sealed partial class ReferenceBackend : IBackend, IKernels
{
    private const double NormEpsilon = 1e-6;

    /// <inheritdoc/>
    public DeviceKind Kind => DeviceKind.Reference;

    /// <inheritdoc/>
    public DType ActivationType => DType.F64;

    /// <inheritdoc/>
    public DType ParameterType => DType.F64;

    /// <inheritdoc/>
    public long WorkspaceBytes => 0;

    /// <inheritdoc/>
    public Storage Allocate(long bytes) => new HostStorage(bytes);

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged => HostMemory.Upload(values, to);

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged => HostMemory.Download(from, values);

    void IKernels.Copy(Tensor from, Tensor to) => HostMemory.Copy(from, to);

    void IKernels.Fill(Tensor tensor, double value) => F64(tensor).Fill(value);

    /// <inheritdoc/>
    public void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel) => kernel(this, arguments);

    /// <inheritdoc/>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static Span<double> F64(Tensor tensor) => HostMemory.Span<double>(tensor);

    /// <summary>A modulation as a function of image and column.</summary>
    private static Span<double> Row(Modulation modulation, int image, int columns) =>
        F64(modulation.Table).Slice((image * modulation.Table.Shape.Columns) + (modulation.Chunk * columns), columns);

    private static void Put(ref double place, double value, bool accumulate) => place = accumulate ? place + value : value;
}
