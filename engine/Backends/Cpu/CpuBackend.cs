using LDaeCore.Engine.Backends.Cpu.Gemm;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <summary>
/// float32 on the processor's vector units, with a team of threads. Every primitive is cut into pieces by its shape alone, each
/// piece writes its own memory and sums run in one order, so a result is the same bits whatever the number of threads.
/// </summary>
public sealed unsafe partial class CpuBackend : IBackend, IKernels
{
    private readonly WorkerPool _pool;
    private readonly PackedGemm _gemm;
    private readonly HostStorage?[] _threadScratch;
    private HostStorage? _sharedScratch;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Threads to compute with; 0 for one a core.</param>
    public CpuBackend(int threads = 0)
    {
        _pool = new WorkerPool(threads > 0 ? threads : Environment.ProcessorCount);
        _gemm = new PackedGemm(_pool);
        _threadScratch = new HostStorage?[_pool.Threads];
    }

    /// <inheritdoc/>
    public DeviceKind Kind => DeviceKind.Cpu;

    /// <inheritdoc/>
    public DType ActivationType => DType.F32;

    /// <inheritdoc/>
    public DType ParameterType => DType.F32;

    /// <inheritdoc/>
    public long WorkspaceBytes => _gemm.WorkspaceBytes + (_sharedScratch?.Bytes ?? 0) + _threadScratch.Sum(s => s?.Bytes ?? 0);

    /// <summary>Threads the backend computes with.</summary>
    public int Threads => _pool.Threads;

    /// <summary>The path the matrix product takes on this machine, for reports: AVX2/FMA or portable.</summary>
    public static string MatrixPath => MicroKernel.Path;

    /// <inheritdoc/>
    public Storage Allocate(long bytes) => new HostStorage(bytes);

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged => HostMemory.Upload(values, to);

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged => HostMemory.Download(from, values);

    void IKernels.Copy(Tensor from, Tensor to) => HostMemory.Copy(from, to);

    void IKernels.Fill(Tensor tensor, double value) => HostMemory.Span<float>(tensor).Fill((float)value);

    /// <inheritdoc/>
    public void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel) => kernel(this, arguments);

    /// <inheritdoc/>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pool.Dispose();
        _gemm.Dispose();
        _sharedScratch?.Dispose();
        Array.ForEach(_threadScratch, s => s?.Dispose());
    }

    private static float* F32(Tensor tensor) => (float*)tensor.Address;

    private static float* F32OrNull(Tensor? tensor) => tensor is null ? null : F32(tensor);

    /// <summary>Scratch memory all threads see; valid until the next request.</summary>
    private float* SharedScratch(long floats)
    {
        if (_sharedScratch is null || _sharedScratch.Bytes < floats * sizeof(float))
        {
            _sharedScratch?.Dispose();
            _sharedScratch = new HostStorage(floats * sizeof(float));
        }

        return (float*)_sharedScratch.Address;
    }

    /// <summary>Makes sure that every thread has this much scratch memory of its own.</summary>
    private void ReserveThreadScratch(long floats)
    {
        for (var i = 0; i < _threadScratch.Length; i++)
        {
            if (_threadScratch[i] is not { } scratch || scratch.Bytes < floats * sizeof(float))
            {
                _threadScratch[i]?.Dispose();
                _threadScratch[i] = new HostStorage(floats * sizeof(float));
            }
        }
    }

    private float* ThreadScratch(int worker) => (float*)_threadScratch[worker]!.Address;

    /// <summary>Runs body(first, count) over pieces of a range.</summary>
    private void Pieces(long length, int piece, Action<long, int> body) =>
        _pool.Run(checked((int)((length + piece - 1) / piece)), (index, _) =>
        {
            var first = (long)index * piece;
            body(first, (int)Math.Min(piece, length - first));
        });
}
