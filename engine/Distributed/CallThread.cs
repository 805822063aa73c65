using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// The one thread that talks to the other processes: calls are done in the order in which they were asked for, beside the thread that asks. So
/// a group needs no more of MPI than a thread that is always the same, and two calls never meet in another order than on another process.
/// </summary>
internal sealed class CallThread : IDisposable
{
    private readonly BlockingCollection<(Action Call, bool Always)> _calls = [];
    private readonly Thread _thread;
    private volatile ExceptionDispatchInfo? _failure;

    public CallThread()
    {
        // A process that ends must not wait for a call that never returns.
        _thread = new Thread(Work) { IsBackground = true, Name = "communication" };
        _thread.Start();
    }

    /// <summary>Asks for a call without waiting for it; after a failed one, nothing more is done.</summary>
    public void Begin(Action call) => _calls.Add((call, false));

    /// <summary>Waits for all calls that were asked for; throws what the first failed one threw.</summary>
    public void Finish() => Finish(Timeout.InfiniteTimeSpan, CancellationToken.None);

    /// <summary>Waits for them no longer than a time.</summary>
    /// <returns>Whether all were done in it.</returns>
    /// <exception cref="OperationCanceledException">The process was asked to stop.</exception>
    public bool Finish(TimeSpan patience, CancellationToken stop)
    {
        var done = new TaskCompletionSource();
        _calls.Add((done.SetResult, true), CancellationToken.None);
        var inTime = done.Task.Wait(patience, stop);
        _failure?.Throw();
        return inTime;
    }

    /// <summary>Does a call and waits for it.</summary>
    public void Run(Action call)
    {
        Begin(call);
        Finish();
    }

    /// <summary>Lets the thread end once it has done what was asked for.</summary>
    public void Dispose() => _calls.CompleteAdding();

    private void Work()
    {
        foreach (var (call, always) in _calls.GetConsumingEnumerable())
        {
            try
            {
                if (_failure is null || always)
                {
                    call();
                }
            }
#pragma warning disable CA1031 // Every failure is the asking thread's, which finds it in Finish.
            catch (Exception error)
#pragma warning restore CA1031
            {
                _failure = ExceptionDispatchInfo.Capture(error);
            }
        }
    }
}
