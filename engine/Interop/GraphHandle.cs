namespace LDaeCore.Engine.Interop;

/// <summary>An instantiated graph.</summary>
internal sealed class GraphHandle(CudaDriver driver, nint value, ContextHandle context) : DriverHandle(driver, value, context)
{
    /// <inheritdoc/>
    protected override bool Destroy() => Driver.DestroyGraph(Value);
}
