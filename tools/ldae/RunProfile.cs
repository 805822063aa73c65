using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>A trace of a command's work: starts when it is created, and is written to the command's folder when it is disposed.</summary>
internal sealed class RunProfile : IDisposable
{
    private readonly TraceRecorder _trace = new();
    private readonly IDisposable? _device;
    private readonly string _file;
    private readonly Action<string> _line;

    /// <summary>Starts the trace.</summary>
    /// <param name="backend">The device; it outlives this.</param>
    /// <param name="folder">The folder of the trace.</param>
    /// <param name="line">Receives a line with its path.</param>
    public RunProfile(IBackend backend, string folder, Action<string> line)
    {
        _file = Path.Combine(folder, RunFiles.Trace);
        _line = line;

        // A GPU's work is timed by events, without waiting for it; on the processor each primitive is timed when it returns.
        var cuda = backend as CudaBackend;
        _device = cuda?.Profile(_trace);
        Backend = cuda is null ? new ProfilingBackend(backend, _trace) : backend;
    }

    /// <summary>The backend to compute with.</summary>
    public IBackend Backend { get; }

    /// <summary>Writes the trace.</summary>
    public void Dispose()
    {
        _device?.Dispose();
        _trace.Dispose();
        try
        {
            _trace.Write(_file);
            _line(
                $"Trace: {_file}, {_trace.Events.Count:N0} events{(_trace.IsFull ? "; the trace is full, but the run continued" : "")}; chrome://tracing and ui.perfetto.dev "
                    + $"draw it.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _line($"warning: the trace cannot be written to {_file}: {e.Message}");
        }
    }
}
