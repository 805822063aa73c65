namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>Page-locked host memory: copies between it and a GPU run beside the processor and the GPU's other work.</summary>
internal sealed unsafe class PinnedBuffer : IDisposable
{
    private readonly CudaContext _context;

    /// <summary>Allocates, without clearing.</summary>
    /// <param name="context">Whose copies it is for.</param>
    /// <param name="bytes">Length.</param>
    public PinnedBuffer(CudaContext context, int bytes)
    {
        _context = context;
        context.MakeCurrent();
        Address = context.Driver.AllocatePinned(bytes);
        Bytes = bytes;
    }

    /// <summary>First byte; 0 once freed.</summary>
    public nint Address { get; private set; }

    /// <summary>Length in bytes.</summary>
    public int Bytes { get; }

    /// <summary>The memory; not to be written while a copy from it is under way.</summary>
    public Span<byte> Span => new((void*)Address, Bytes);

    /// <summary>Copies the first bytes to the device, in the order of a stream and without waiting.</summary>
    /// <param name="to">Device address.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="stream">The stream.</param>
    public void CopyTo(nint to, int bytes, CudaStream stream)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Bytes);
        _context.MakeCurrent();
        _context.Driver.CopyToDevice(to, (void*)Address, bytes, stream.Handle);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        if (Address != 0)
        {
            _context.MakeCurrent();
            _context.Driver.FreePinned(Address);
            Address = 0;
        }
    }
}
