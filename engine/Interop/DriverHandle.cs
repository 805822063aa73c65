using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// A driver object that must be released. An object of a context keeps the context alive, so that the order of
/// finalizers does not matter.
/// </summary>
internal abstract class DriverHandle : SafeHandle
{
    private readonly ContextHandle? _context;

    protected DriverHandle(CudaDriver driver, nint value, ContextHandle? context)
        : base(0, ownsHandle: true)
    {
        Driver = driver;
        SetHandle(value);
        if (context is not null)
        {
            var held = false;
            context.DangerousAddRef(ref held);
            _context = context;
        }
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The driver's pointer.</summary>
    public nint Value => handle;

    protected CudaDriver Driver { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{GetType().Name.Replace("Handle", "", StringComparison.Ordinal)} 0x{handle:x}";

    /// <summary>Releases the object.</summary>
    protected abstract bool Destroy();

    /// <inheritdoc/>
    protected sealed override bool ReleaseHandle()
    {
        var done = Destroy();
        _context?.DangerousRelease();
        return done;
    }
}

/// <summary>A retained primary context.</summary>
internal sealed class ContextHandle(CudaDriver driver, nint value, int device) : DriverHandle(driver, value, null)
{
    /// <inheritdoc/>
    protected override bool Destroy()
    {
        Driver.ReleasePrimaryContext(device);
        return true;
    }
}

/// <summary>A stream.</summary>
internal sealed class StreamHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.DestroyStream(Value);
}

/// <summary>An event.</summary>
internal sealed class EventHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.DestroyEvent(Value);
}

/// <summary>An instantiated graph.</summary>
internal sealed class GraphHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.DestroyGraph(Value);
}

/// <summary>A loaded cubin.</summary>
internal sealed class CubinHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.Unload(Value);
}
