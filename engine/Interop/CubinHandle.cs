namespace LDaeCore.Engine.Interop;

/// <summary>A loaded cubin.</summary>
internal sealed class CubinHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.Unload(Value);
}
