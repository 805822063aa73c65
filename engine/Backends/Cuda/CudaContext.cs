using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// The primary context of a GPU: the address space in which its memory, modules and streams live. Every thread that works with
/// it makes it current first; that costs a comparison when it is already. One thread allocates: the ledger has no lock.
/// </summary>
internal sealed class CudaContext : IDisposable
{
    [ThreadStatic]
    private static CudaContext? _current;

    /// <summary>Retains the context.</summary>
    /// <param name="device">The GPU.</param>
    public CudaContext(CudaDevice device)
    {
        Device = device;
        Handle = Driver.RetainPrimaryContext(device.Handle);
        MakeCurrent();
    }

    /// <summary>The GPU.</summary>
    public CudaDevice Device { get; }

    /// <summary>The driver's functions.</summary>
    public CudaDriver Driver => Device.Libraries.Driver;

    /// <summary>The driver's object.</summary>
    public ContextHandle Handle { get; }

    /// <summary>Bytes of device memory that were allocated here and not given back.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>The most that were held at any time.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Allocations of device memory so far.</summary>
    public long Allocations { get; private set; }

    /// <summary>Books an allocation.</summary>
    public void Took(long bytes)
    {
        Allocations++;
        HeldBytes += bytes;
        PeakBytes = Math.Max(PeakBytes, HeldBytes);
    }

    /// <summary>Books what goes back.</summary>
    public void GaveBack(long bytes) => HeldBytes -= bytes;

    /// <summary>Makes it the calling thread's context.</summary>
    public void MakeCurrent()
    {
        if (_current != this)
        {
            Driver.SetCurrent(Handle);
            _current = this;
        }
    }

    /// <summary>Releases the context; it ends when all its streams, events and modules are gone too.</summary>
    public void Dispose()
    {
        if (_current == this)
        {
            _current = null;
        }

        Handle.Dispose();
    }
}
