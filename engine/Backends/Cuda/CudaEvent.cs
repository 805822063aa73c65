using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>A point in a stream's work that others can wait for, and whose time is taken.</summary>
internal sealed class CudaEvent : IDisposable
{
    private readonly CudaContext _context;

    /// <summary>An event that has not happened.</summary>
    /// <param name="context">Where it happens.</param>
    public CudaEvent(CudaContext context)
    {
        _context = context;
        context.MakeCurrent();
        Handle = context.Driver.CreateEvent(context.Handle);
    }

    /// <summary>The driver's object.</summary>
    public EventHandle Handle { get; }

    /// <summary>Happens when the stream has come this far.</summary>
    public void Record(CudaStream stream)
    {
        _context.MakeCurrent();
        _context.Driver.Record(Handle, stream.Handle);
    }

    /// <summary>Waits on the processor.</summary>
    public void Synchronize() => _context.Driver.Synchronize(Handle);

    /// <summary>Milliseconds since an earlier event; both have happened.</summary>
    public float MillisecondsSince(CudaEvent earlier) => _context.Driver.Milliseconds(earlier.Handle, Handle);

    /// <summary>Destroys the event.</summary>
    public void Dispose() => Handle.Dispose();
}
