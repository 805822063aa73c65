using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>A queue of work on a GPU: what is asked is done in order, beside the processor.</summary>
internal sealed class CudaStream : IDisposable
{
    /// <summary>An empty queue.</summary>
    /// <param name="context">Where it works.</param>
    public CudaStream(CudaContext context)
    {
        Context = context;
        context.MakeCurrent();
        Handle = context.Driver.CreateStream(context.Handle);
    }

    /// <summary>Where it works.</summary>
    public CudaContext Context { get; }

    /// <summary>The driver's object.</summary>
    public StreamHandle Handle { get; }

    /// <summary>Sees each launch by itself, or null.</summary>
    public ILaunchObserver? Observer { get; set; }

    /// <summary>Waits on the processor until all that was asked is done.</summary>
    public void Synchronize()
    {
        Context.MakeCurrent();
        Context.Driver.Synchronize(Handle);
    }

    /// <summary>Lets what is asked from now on start after an event of another stream.</summary>
    public void WaitFor(CudaEvent until)
    {
        Context.MakeCurrent();
        Context.Driver.Wait(Handle, until.Handle);
    }

    /// <summary>Records the work that is asked within <paramref name="work"/>, without doing it.</summary>
    /// <param name="work">Asks for work on this stream; it may neither allocate nor wait.</param>
    /// <returns>The recorded work.</returns>
    public CudaGraph Capture(Action work)
    {
        Context.MakeCurrent();
        Context.Driver.BeginCapture(Handle);
        try
        {
            work();
        }
        catch
        {
            // The stream must leave the recording before it can be used again; the error is the work's.
            AbandonCapture();
            throw;
        }

        return new CudaGraph(this, Context.Driver.EndCapture(Handle, Context.Handle));
    }

    /// <summary>Destroys the queue.</summary>
    public void Dispose() => Handle.Dispose();

    private void AbandonCapture()
    {
        try
        {
            Context.Driver.EndCapture(Handle, Context.Handle).Dispose();
        }
        catch (Errors.LdaeException)
        {
            // Expected: an invalidated recording cannot become a graph.
        }
    }
}
