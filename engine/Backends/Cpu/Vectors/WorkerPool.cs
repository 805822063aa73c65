using System.Runtime.ExceptionServices;

namespace LDaeCore.Engine.Backends.Cpu.Vectors;

/// <summary>
/// A fixed team of threads that runs the pieces of one job after another. How a job is cut is decided by its shape alone and
/// every piece writes its own place, so the result does not depend on how many threads there are or on which one took what.
/// The caller works too and waits for pieces, not for threads: a thread that is not scheduled delays no other.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    // About 50 microseconds: the time between two primitives of a step. Longer waits give the core back.
    private const int SpinsBeforeSleep = 2000;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly int[] _asleep;
    private volatile Job? _job;
    private volatile bool _stop;

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

        var job = new Job(count, body);
        _job = job;
        WakeSleepers();
        job.Take(0);
        job.Wait();
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _stop = true;
        _job = new Job(0, static (_, _) => { });
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
        Interlocked.MemoryBarrier();
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
        Job? seen = null;
        while (true)
        {
            seen = WaitForNext(seen, worker);
            if (_stop)
            {
                return;
            }

            seen.Take(worker);
        }
    }

    private Job WaitForNext(Job? seen, int worker)
    {
        while (true)
        {
            for (var spin = 0; spin < SpinsBeforeSleep; spin++)
            {
                if (_job is { } job && job != seen)
                {
                    return job;
                }

                Thread.SpinWait(8);
            }

            // Announce the sleep first and look once more: a job that starts in between either is seen here or sees the announcement.
            Interlocked.Exchange(ref _asleep[worker], 1);
            if (_job == seen || Interlocked.Exchange(ref _asleep[worker], 0) == 0)
            {
                _wake[worker].Wait();
            }
        }
    }

    /// <summary>One call of <see cref="Run"/>. A worker that comes late finds no piece left and touches nothing.</summary>
    private sealed class Job(int count, Action<int, int> body)
    {
        private int _next, _done;
        private Exception? _failure;

        public void Take(int worker)
        {
            int index;
            while ((index = Interlocked.Increment(ref _next) - 1) < count)
            {
                try
                {
                    if (_failure is null)
                    {
                        body(index, worker);
                    }
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref _failure, e, null);
                }

                Interlocked.Increment(ref _done);
            }
        }

        public void Wait()
        {
            var spinner = default(SpinWait);
            while (Volatile.Read(ref _done) < count)
            {
                spinner.SpinOnce(-1);
            }

            if (_failure is { } failure)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }
    }
}
