using System.Runtime.ExceptionServices;

namespace LDaeCore.Engine.Backends.Cpu;

/// <summary>
/// A fixed team of threads that runs the pieces of one job after another. How a job is cut is decided by its shape alone and
/// every piece writes its own place, so the result does not depend on how many threads there are or on which one took what.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    // About 50 microseconds: the time between two primitives of a step. Longer waits give the core back.
    private const int SpinsBeforeSleep = 2000;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly int[] _asleep;
    private volatile Action<int, int>? _body;
    private volatile int _generation;
    private volatile bool _stop;
    private int _next, _count, _running;
    private Exception? _failure;

    /// <summary>Starts the team.</summary>
    /// <param name="threads">Threads in all, the caller's included.</param>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _threads = new Thread[threads - 1];
        _asleep = new int[threads];
        _wake = Enumerable.Range(0, threads).Select(_ => new SemaphoreSlim(0)).ToArray();
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"cpu worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads in all, the caller's included.</summary>
    public int Threads { get; }

    /// <summary>Runs body(index, worker) for every index below count and waits for all.</summary>
    /// <param name="count">Number of pieces.</param>
    /// <param name="body">A piece; worker is below <see cref="Threads"/> and picks a thread's own scratch memory.</param>
    public void Run(int count, Action<int, int> body)
    {
        if (count <= 1 || _threads.Length == 0)
        {
            for (var i = 0; i < count; i++)
            {
                body(i, 0);
            }

            return;
        }

        _body = body;
        _count = count;
        _next = 0;
        _failure = null;
        Volatile.Write(ref _running, _threads.Length);
        Interlocked.Increment(ref _generation);
        WakeSleepers();
        Take(body, 0);
        var spinner = default(SpinWait);
        while (Volatile.Read(ref _running) > 0)
        {
            spinner.SpinOnce(-1);
        }

        _body = null;
        if (_failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stop = true;
        Interlocked.Increment(ref _generation);
        WakeSleepers();
        foreach (var thread in _threads)
        {
            thread.Join();
        }

        Array.ForEach(_wake, w => w.Dispose());
    }

    /// <summary>Each sleeper has an alarm of its own: with a shared one, a quick worker could sleep through a slow one's call.</summary>
    private void WakeSleepers()
    {
        for (var worker = 1; worker < Threads; worker++)
        {
            if (Interlocked.Exchange(ref _asleep[worker], 0) == 1)
            {
                _wake[worker].Release();
            }
        }
    }

    private void Work(int worker)
    {
        var seen = 0;
        while (true)
        {
            WaitForNext(seen, worker);
            seen = _generation;
            if (_stop)
            {
                return;
            }

            Take(_body!, worker);
            Interlocked.Decrement(ref _running);
        }
    }

    private void WaitForNext(int seen, int worker)
    {
        for (var spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if (_generation != seen)
            {
                return;
            }

            Thread.SpinWait(8);
        }

        // Announce the sleep first and look once more: a job that starts in between either is seen here or sees the announcement.
        Interlocked.Exchange(ref _asleep[worker], 1);
        if (_generation == seen || Interlocked.Exchange(ref _asleep[worker], 0) == 0)
        {
            _wake[worker].Wait();
        }
    }

    private void Take(Action<int, int> body, int worker)
    {
        try
        {
            int index;
            while ((index = Interlocked.Increment(ref _next) - 1) < _count)
            {
                body(index, worker);
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
            Volatile.Write(ref _next, _count);
        }
    }
}
