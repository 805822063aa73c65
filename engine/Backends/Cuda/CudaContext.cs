using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// The primary context of a GPU: the address space in which its memory, modules and streams live. Every thread that works with
/// it makes it current first; that costs a comparison when it is already.
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
