using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>What the groups whose tensors lie in the processor's memory have in common: the thread that talks, and the heartbeat.</summary>
public abstract class HostCommunicator : ICommunicator
{
    // News of a process that died come by another way than the call that fails of it.
    private static readonly TimeSpan NewsTakes = TimeSpan.FromSeconds(5), RankZeroTakes = TimeSpan.FromSeconds(1);

    // Whoever was told the news ends this process in that time.
    private static readonly TimeSpan EndTakes = TimeSpan.FromMinutes(2);

    private readonly CallThread _calls = new();
    private readonly TimeSpan _rendezvousTimeout;
    private readonly CancellationToken _stop;
    private bool _hasMet, _hasLeft;

    /// <param name="launch">Who comes together.</param>
    /// <param name="stop">Ends the waiting for those who have not come.</param>
    private protected HostCommunicator(Launch launch, CancellationToken stop) =>
        (Rank, Size, _rendezvousTimeout, _stop) = (launch.Rank, launch.Size, launch.RendezvousTimeout, stop);

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public int Rank { get; private protected set; }

    /// <inheritdoc/>
    public int Size { get; private protected set; }

    private protected HeartbeatMonitor? Heartbeat { get; set; }

    /// <inheritdoc/>
    public void BeginSum(Tensor tensor)
    {
        if (tensor.DType is not (DType.F32 or DType.F64))
        {
            throw new ArgumentException($"{tensor} is not summed over processes: only F32 and F64 are.", nameof(tensor));
        }

        _calls.Begin(() => Sum(tensor));
    }

    /// <inheritdoc/>
    public void FinishSums() => Checked(_calls.Finish);

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor) => Call(() => Broadcast(tensor.Address, tensor.Bytes));

    /// <inheritdoc/>
    public unsafe byte[] Broadcast(byte[] bytes)
    {
        var length = new long[] { bytes.Length };
        var content = bytes;
        Call(() =>
        {
            fixed (long* number = length)
            {
                Broadcast((nint)number, sizeof(long));
            }

            content = Rank == 0 ? bytes : new byte[length[0]];
            fixed (byte* first = content)
            {
                Broadcast((nint)first, content.Length);
            }
        });
        return content;
    }

    /// <inheritdoc/>
    public double[] Gather(ReadOnlySpan<double> mine)
    {
        var own = mine.ToArray();
        var all = new double[own.Length * Size];
        Call(() => Gather(own, all));
        return all;
    }

    /// <inheritdoc/>
    public void Leave()
    {
        // From here on a closed connection is nobody's death; but only once all are here.
        Gather([]);
        Heartbeat?.Leave();
        _calls.Run(Stop);
        _hasLeft = true;
    }

    /// <inheritdoc/>
    public virtual void Abort(int code, string message)
    {
        // What all find out at once is rank 0's to say.
        if (Rank > 0 && Heartbeat?.HasNews(RankZeroTakes) == true)
        {
            Thread.Sleep(EndTakes);
        }

        Heartbeat?.Fail(code, message);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Heartbeat?.Dispose();
        _calls.Dispose();
        Close(_hasLeft);
        GC.SuppressFinalize(this);
    }

    private protected void Call(Action call)
    {
        if (_hasMet)
        {
            Checked(() => _calls.Run(call));
        }
        else
        {
            CallWhileMeeting(call);
        }
    }

    /// <summary>From here on all are there, and a call may take as long as the slowest of them does.</summary>
    private protected void Met() => _hasMet = true;

    private protected abstract void Sum(Tensor tensor);

    private protected abstract void Broadcast(nint address, long bytes);

    private protected abstract void Gather(double[] mine, double[] all);

    /// <summary>The last call of the thread that talks.</summary>
    private protected abstract void Stop();

    private protected virtual void Close(bool hasLeft)
    {
    }

    /// <summary>A call while not all have come: whoever never does is not waited for without end, as the heartbeat that would tell is not there yet.</summary>
    private void CallWhileMeeting(Action call)
    {
        _calls.Begin(call);
        if (!_calls.Finish(_rendezvousTimeout, _stop))
        {
            throw new LdaeException(
                ErrorKind.Run,
                $"Rank {Rank} has waited {_rendezvousTimeout.TotalSeconds:F0} s for the others of {Size} processes: one of them has ended or stands still.",
                "Look for a process that was stopped or a machine that is lost, and start all processes again.");
        }
    }

    /// <summary>Where a call fails because a process died, whoever watches the processes says which.</summary>
    private void Checked(Action call)
    {
        try
        {
            call();
        }
        catch (LdaeException) when (Heartbeat?.HasNews(NewsTakes) == true)
        {
            // They end this process; what it would say now names whom it happened to talk to.
            Thread.Sleep(EndTakes);
            throw;
        }
    }
}
