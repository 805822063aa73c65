using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>Recorded work that is started as a whole: one call instead of hundreds.</summary>
/// <param name="recorded">The stream it was recorded on.</param>
/// <param name="handle">The instantiated graph.</param>
internal sealed class CudaGraph(CudaStream recorded, GraphHandle handle) : IRecordedWork
{
    /// <inheritdoc/>
    public void Run() => Launch(recorded);

    /// <summary>Does the work again, on the same addresses.</summary>
    /// <param name="stream">The stream.</param>
    public void Launch(CudaStream stream)
    {
        stream.Context.MakeCurrent();
        stream.Context.Driver.Launch(handle, stream.Handle);
    }

    /// <summary>Destroys the graph.</summary>
    public void Dispose() => handle.Dispose();
}
