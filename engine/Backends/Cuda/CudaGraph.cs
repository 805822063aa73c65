using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>Recorded work that is started as a whole: one call instead of hundreds.</summary>
/// <param name="context">Where it works.</param>
/// <param name="handle">The instantiated graph.</param>
internal sealed class CudaGraph(CudaContext context, GraphHandle handle) : IDisposable
{
    /// <summary>Does the work again, on the same addresses.</summary>
    /// <param name="stream">The stream.</param>
    public void Launch(CudaStream stream)
    {
        context.MakeCurrent();
        context.Driver.Launch(handle, stream.Handle);
    }

    /// <summary>Destroys the graph.</summary>
    public void Dispose() => handle.Dispose();
}
