using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// The one thread that communicates with the other processes: it runs calls in the order in which they were queued, while the queuing thread goes on. So MPI
/// sees a single thread (MPI_THREAD_FUNNELED), and the order of calls is the same on every process.
/// </summary>
internal sealed class CallThread : IDisposable
{
    private readonly BlockingCollection<(Action Call, bool Always)> _calls = [];
    private readonly Thread _thread;
    private readonly TaskCompletionSource _abandoned = new();
    private volatile ExceptionDispatchInfo? _failure;

    public CallThread()
    {
        // A background thread: a process may end while a call does not return.
        _thread = new Thread(Work) { IsBackground = true, Name = "communication" };
        _thread.Start();
    }

    /// <summary>Queues a call; calls after a failed one are skipped.</summary>
    public void Begin(Action call) => _calls.Add((call, false));

    /// <summary>Waits for all queued calls; throws what the first failed one threw.</summary>
    public void Finish() => Finish(Timeout.InfiniteTimeSpan, CancellationToken.None);

    /// <summary>Waits for them, but not longer than a time.</summary>
    /// <returns>Whether all are done.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled.</exception>
    public bool Finish(TimeSpan timeout, CancellationToken stop)
    {
        var done = new TaskCompletionSource();
        _calls.Add((done.SetResult, true), CancellationToken.None);
        var inTime = Task.WaitAny([done.Task, _abandoned.Task], (int)timeout.TotalMilliseconds, stop) >= 0;
        _failure?.Throw();
        return inTime;
    }

    /// <summary>Ends the wait for calls, also of one that does not return.</summary>
    /// <param name="error">What <see cref="Finish()"/> throws from now on.</param>
    public void Abandon(Exception error)
    {
        _failure = ExceptionDispatchInfo.Capture(error);
        _abandoned.TrySetResult();
    }

    /// <summary>Queues a call and waits for it.</summary>
    public void Run(Action call)
    {
        Begin(call);
        Finish();
    }

    /// <summary>Ends the thread after the queued calls.</summary>
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
#pragma warning disable CA1031 // Finish throws it on the queuing thread.
            catch (Exception error)
#pragma warning restore CA1031
            {
                _failure ??= ExceptionDispatchInfo.Capture(error);
            }
        }
    }
}
