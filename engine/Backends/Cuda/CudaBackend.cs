using System.Runtime.CompilerServices;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Every primitive on a GPU: own kernels compiled at run time, matrix products by cuBLASLt, all on one stream. Activations are BF16
/// or F32, parameters and statistics F32, sums always float32 and in a fixed order, so two runs give the same bits. Which GPU, and
/// whether it is a real one, is the <see cref="CudaDevice"/>'s affair.
/// </summary>
public sealed unsafe partial class CudaBackend : IDeviceBackend, IKernels
{
    /// <summary>Where compiled kernels are, inside the cache.</summary>
    public const string CubinFolder = "cubins";

    private const int ScratchAlignment = 256;

    private readonly CudaContext _context;
    private readonly CudaStream _stream;
    private readonly KernelLibrary _kernels;
    private readonly CublasLtGemm _gemm;
    private readonly CudaOptions _options;
    private readonly Action<string> _warn;
    private readonly string _cache;
    private readonly IDisposable? _annotations;
    private DeviceStorage? _scratch;

    /// <summary>Opens a device.</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="options">How it works; defaults when null.</param>
    /// <exception cref="LdaeException">Device: the GPU cannot be used.</exception>
    public CudaBackend(CudaDevice device, CudaOptions? options = null)
    {
        _options = options ?? new CudaOptions();
        if (_options.ActivationType is not (DType.BF16 or DType.F32))
        {
            throw new ArgumentException($"A CUDA backend computes in BF16 or F32, not {_options.ActivationType}.", nameof(options));
        }

        Device = device;
        _warn = _options.Warn ?? (_ => { });
        _cache = _options.CacheFolder ?? CacheFolder.Root;
        _context = new CudaContext(device);
        _stream = new CudaStream(_context);
        _kernels = new KernelLibrary(_context, new CubinCache(Path.Combine(_cache, CubinFolder), _warn));
        _gemm = new CublasLtGemm(_stream, ReadAlgorithms(), _options.Autotune);
        _annotations = device.Libraries.Nvtx is { } nvtx ? Ranges.Listen(nvtx) : null;
    }

    /// <summary>The GPU.</summary>
    public CudaDevice Device { get; }

    /// <inheritdoc/>
    public DeviceKind Kind => Device.Kind;

    /// <inheritdoc/>
    public DType ActivationType => _options.ActivationType;

    /// <inheritdoc/>
    public DType ParameterType => DType.F32;

    /// <inheritdoc/>
    public long WorkspaceBytes => CublasLtGemm.WorkspaceBytes + (_scratch?.Bytes ?? 0);

    /// <inheritdoc/>
    public long HeldBytes => _context.HeldBytes;

    /// <inheritdoc/>
    public long PeakBytes => _context.PeakBytes;

    /// <inheritdoc/>
    public long FreeBytes
    {
        get
        {
            _context.MakeCurrent();
            return _context.Driver.MemoryInfo().Free;
        }
    }

    /// <summary>Where compiled kernels and tuning results are kept.</summary>
    public string Cache => _cache;

    /// <summary>Kernel families compiled by this process; the others came from the cache.</summary>
    public int Compilations => _kernels.Compilations;

    /// <summary>Kernel families in use, each with one set of constants.</summary>
    public int LoadedKernels => _kernels.LoadedCubins;

    internal CudaStream Stream => _stream;

    internal KernelLibrary Kernels => _kernels;

    internal CublasLtGemm Gemm => _gemm;

    private bool IsBf16 => ActivationType == DType.BF16;

    /// <summary>The constant by which every family knows the activation type.</summary>
    private (string Name, int Value) Real => ("LDAE_BF16", IsBf16 ? 1 : 0);

    /// <inheritdoc/>
    public Storage Allocate(long bytes) => new DeviceStorage(_stream, bytes);

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged
    {
        CheckLength<T>(to, values.Length);
        RefuseWhileRecording("Values are uploaded");
        using var range = Ranges.Open("upload", to.Bytes);
        _context.MakeCurrent();
        fixed (T* from = values)
        {
            // The driver has read pageable memory when the call returns.
            _context.Driver.CopyToDevice(to.Address, from, to.Bytes, _stream.Handle);
        }
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged
    {
        CheckLength<T>(from, values.Length);
        using var range = Ranges.Open("download", from.Bytes);
        _context.MakeCurrent();
        fixed (T* to = values)
        {
            _context.Driver.CopyToHost(to, from.Address, from.Bytes, _stream.Handle);
            _stream.Synchronize();
        }
    }

    void IKernels.Fill(Tensor tensor, double value)
    {
        _context.MakeCurrent();
        var (driver, count) = (_context.Driver, tensor.Shape.Count);
        if (_gemm.Rehearsing)
        {
            return;
        }

        _stream.Observer?.Before();
        switch (tensor.DType)
        {
            case DType.F32:
                driver.Fill32(tensor.Address, BitConverter.SingleToUInt32Bits((float)value), count, _stream.Handle);
                break;
            case DType.I32:
                driver.Fill32(tensor.Address, unchecked((uint)checked((int)value)), count, _stream.Handle);
                break;
            case DType.BF16:
                driver.Fill16(tensor.Address, BFloat16.Bits((float)value), count, _stream.Handle);
                break;
            case DType.U8:
                driver.Fill8(tensor.Address, checked((byte)value), count, _stream.Handle);
                break;
            default:
                throw new ArgumentException($"A CUDA backend does not compute in {tensor.DType}.", nameof(tensor));
        }

        _stream.Observer?.After(LaunchFacts.OfCopy("fill", tensor.Bytes));
    }

    void IKernels.Copy(Tensor from, Tensor to)
    {
        if (from.DType == DType.F32 && to.DType == DType.BF16 && from.Shape.Count == to.Shape.Count)
        {
            ToBf16(from, to.Address);
            return;
        }

        if (from.Bytes != to.Bytes || from.DType != to.DType)
        {
            throw new ArgumentException($"{from} cannot be copied to {to}.");
        }

        if (_gemm.Rehearsing)
        {
            return;
        }

        _context.MakeCurrent();
        _stream.Observer?.Before();
        _context.Driver.CopyOnDevice(to.Address, from.Address, to.Bytes, _stream.Handle);
        _stream.Observer?.After(LaunchFacts.OfCopy("copy", to.Bytes));
    }

    /// <inheritdoc/>
    public void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel) => kernel(this, arguments);

    /// <inheritdoc/>
    public void Synchronize() => _stream.Synchronize();

    /// <summary>Whether each launch is looked at by itself: then work must not be recorded as a graph.</summary>
    public bool IsObserved => _stream.Observer is not null;

    /// <summary>Times every launch by the device's events, until what is returned is disposed or the trace is full.</summary>
    /// <param name="trace">Where the times go.</param>
    /// <returns>Reads the last times and ends it.</returns>
    public IDisposable Profile(TraceRecorder trace) => new CudaProfiler(_stream, trace);

    /// <inheritdoc/>
    public void Prepare(Action work)
    {
        _gemm.Rehearsing = true;
        try
        {
            _kernels.Prepare(work);
        }
        finally
        {
            _gemm.Rehearsing = false;
        }
    }

    /// <summary>Keeps the algorithms that matrix products run by, so that another run computes the same bits.</summary>
    /// <param name="file">Path.</param>
    public void WriteAlgorithms(string file) => _gemm.Book.Write(file);

    /// <inheritdoc/>
    public void Dispose()
    {
        KeepAlgorithms();
        _annotations?.Dispose();
        _gemm.Dispose();
        _scratch?.Dispose();
        _outgrown.ForEach(s => s.Dispose());
        _step?.Dispose();
        _stream.Synchronize();
        _kernels.Dispose();
        _stream.Dispose();
        _context.Dispose();
    }

    /// <summary>
    /// Device memory for what a primitive needs between two of its launches; valid until the next request. Work on one stream is in
    /// order, so a later primitive may take the same memory.
    /// </summary>
    private nint Scratch(long bytes)
    {
        if (_scratch is null || _scratch.Bytes < bytes)
        {
            RefuseWhileRecording("Scratch memory grows");
            GiveBackScratch();
            _scratch = new DeviceStorage(_stream, (bytes + ScratchAlignment - 1) / ScratchAlignment * ScratchAlignment);
        }

        return _scratch.Address;
    }

    private static void CheckLength<T>(Tensor tensor, int count)
        where T : unmanaged
    {
        if (count != tensor.Shape.Count || Unsafe.SizeOf<T>() != tensor.DType.Size())
        {
            throw new ArgumentException($"{tensor} has {tensor.Shape.Count} elements of {tensor.DType.Size()} bytes, not {count} of {Unsafe.SizeOf<T>()}.");
        }
    }

    private GemmAlgorithmBook ReadAlgorithms()
    {
        var book = new GemmAlgorithmBook();
        foreach (var file in (string?[])[AlgorithmCache, _options.AlgorithmFile])
        {
            try
            {
                if (file is not null)
                {
                    book.Read(file);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _warn($"The tuned matrix products in {file} cannot be read ({e.Message}); they are tuned again.");
            }
        }

        return book;
    }

    private string? AlgorithmCache => _options.Autotune ? Path.Combine(_cache, "gemm-algorithms.txt") : null;

    private void KeepAlgorithms()
    {
        try
        {
            if (_gemm.Tunings > 0 && AlgorithmCache is { } file)
            {
                _gemm.Book.Write(file);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _warn($"Tuned matrix products cannot be kept in {AlgorithmCache} ({e.Message}).");
        }
    }
}
