namespace LDaeCore.Engine.Interop;

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
