namespace LDaeCore.Engine.Interop;

/// <summary>A stream.</summary>
internal sealed class StreamHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.DestroyStream(Value);
}
