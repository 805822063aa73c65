using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>The common part of groups whose tensors lie in the processor's memory: the communication thread and the heartbeat.</summary>
public abstract class HostCommunicator : ICommunicator
{
    // The report of a fault takes another connection than the call that fails because of it.
    private static readonly TimeSpan ReportTimeout = TimeSpan.FromSeconds(5), RankZeroTimeout = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _faulted = new();
    private readonly TimeSpan _rendezvousTimeout;
    private readonly CancellationToken _stop;
    private bool _isComplete;

    /// <param name="launch">The processes.</param>
    /// <param name="stop">Cancels the wait for processes that are not connected yet.</param>
    private protected HostCommunicator(Launch launch, CancellationToken stop)
    {
        (Rank, Size, _rendezvousTimeout, _stop) = (launch.Rank, launch.Size, launch.RendezvousTimeout, stop);
        Faulted = _faulted.Token;
    }

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public int Rank { get; private protected set; }

    /// <inheritdoc/>
    public int Size { get; private protected set; }

    /// <inheritdoc/>
    public ProcessFault? Fault { get; private set; }

    /// <inheritdoc/>
    public CancellationToken Faulted { get; }

    private protected CallThread Calls { get; } = new();

    private protected HeartbeatMonitor? Heartbeat { get; private set; }

    /// <inheritdoc/>
    public void BeginSum(Tensor tensor)
    {
        if (tensor.DType is not (DType.F32 or DType.F64))
        {
            throw new ArgumentException($"{tensor} is not summed over processes: only F32 and F64 are.", nameof(tensor));
        }

        Calls.Begin(() => Sum(tensor));
    }

    /// <inheritdoc/>
    public void FinishSums() => Checked(Calls.Finish);

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
        // A barrier: a connection that is closed before it means a process that died.
        Gather([]);
        Heartbeat?.Leave();
        Calls.Run(Stop);
    }

    /// <inheritdoc/>
    public virtual ProcessFault? Abort(int code, string message, string remedy)
    {
        // A failure that all processes find at once is reported by rank 0.
        var first = Rank > 0 ? Heartbeat?.WaitForFault(RankZeroTimeout) : null;
        return first ?? Heartbeat?.Fail(code, message, remedy);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Heartbeat?.Dispose();
        Calls.Dispose();
        Close();
        GC.SuppressFinalize(this);
    }

    private protected void Call(Action call)
    {
        if (_isComplete)
        {
            Checked(() => Calls.Run(call));
            return;
        }

        // No heartbeat reports a process that never connects.
        Calls.Begin(call);
        if (!Calls.Finish(_rendezvousTimeout, _stop))
        {
            throw new LdaeException(
                ErrorKind.Run,
                $"Rank {Rank} has waited {_rendezvousTimeout.TotalSeconds:F0} s for the others of {Size} processes: one of them has ended or does not respond.",
                "Look for a process that was stopped or a machine that is lost, and start all processes again.");
        }
    }

    /// <summary>Ends the rendezvous: from here on a call may take as long as the slowest process takes.</summary>
    /// <param name="sockets">Connections for the heartbeat; null where there are none.</param>
    private protected void Complete(IReadOnlyList<System.Net.Sockets.Socket>? sockets)
    {
        Heartbeat = sockets is null ? null : new HeartbeatMonitor(Rank, Size, sockets, OnFault);
        _isComplete = true;
    }

    private protected abstract void Sum(Tensor tensor);

    private protected abstract void Broadcast(nint address, long bytes);

    private protected abstract void Gather(double[] mine, double[] all);

    /// <summary>The last call of the communication thread.</summary>
    private protected virtual void Stop()
    {
    }

    /// <summary>Closes the connections.</summary>
    private protected virtual void Close()
    {
    }

    /// <summary>Ends the wait for calls that another process does not answer any more.</summary>
    /// <param name="error">What the wait throws.</param>
    private protected abstract void Interrupt(ProcessFaultException error);

    private void OnFault(ProcessFault fault)
    {
        Fault = fault;
        Interrupt(new ProcessFaultException(fault));
        _faulted.Cancel();
    }

    /// <summary>A call that fails because a process died knows its neighbour only; the heartbeat knows the process at fault.</summary>
    private void Checked(Action call)
    {
        try
        {
            call();
        }
        catch (LdaeException) when (Heartbeat?.WaitForFault(ReportTimeout) is { } fault)
        {
            throw new ProcessFaultException(fault);
        }
    }
}
