namespace LDaeCore.Engine.Interop;

/// <summary>An event.</summary>
internal sealed class EventHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.DestroyEvent(Value);
}
