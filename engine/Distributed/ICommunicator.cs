using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// A group of processes that train together, as one of them sees it. Every process makes the same calls with the same sizes in the same order.
/// A call throws <see cref="ProcessFaultException"/> when another process has failed.
/// </summary>
public interface ICommunicator : IDisposable
{
    /// <summary>Transport and its version, for people.</summary>
    string Name { get; }

    /// <summary>This process's number, 0..<see cref="Size"/>-1. Rank 0 writes and decides.</summary>
    int Rank { get; }

    /// <summary>Number of processes.</summary>
    int Size { get; }

    /// <summary>The failure of another process; null while all are well.</summary>
    ProcessFault? Fault { get; }

    /// <summary>Cancelled when <see cref="Fault"/> is set, for work between two calls.</summary>
    CancellationToken Faulted { get; }

    /// <summary>
    /// Starts to replace a tensor's elements by their sum over all processes, while the calling thread goes on. The elements may not be read or
    /// written before <see cref="FinishSums"/>. All processes get the same bits.
    /// </summary>
    /// <param name="tensor">F32 or F64, in the memory of the group's device.</param>
    void BeginSum(Tensor tensor);

    /// <summary>Waits for all sums that were started; on a GPU, lets the stream wait for them.</summary>
    /// <exception cref="ProcessFaultException">Another process has failed.</exception>
    void FinishSums();

    /// <summary>Replaces a tensor's bytes by those of rank 0.</summary>
    /// <param name="tensor">In the memory of the group's device.</param>
    /// <exception cref="ProcessFaultException">Another process has failed.</exception>
    void Broadcast(Tensor tensor);

    /// <summary>Sends bytes of rank 0 to all.</summary>
    /// <param name="bytes">What rank 0 sends; ignored on the others.</param>
    /// <returns>Rank 0's bytes.</returns>
    /// <exception cref="ProcessFaultException">Another process has failed.</exception>
    byte[] Broadcast(byte[] bytes);

    /// <summary>Sends a few numbers of each process to all.</summary>
    /// <param name="mine">This process's numbers; every process gives as many.</param>
    /// <returns>Those of rank 0, then those of rank 1, and so on.</returns>
    /// <exception cref="ProcessFaultException">Another process has failed.</exception>
    double[] Gather(ReadOnlySpan<double> mine);

    /// <summary>Waits for all processes and leaves the group. To the others, <see cref="IDisposable.Dispose"/> without it looks like a process that died.</summary>
    /// <exception cref="ProcessFaultException">Another process has failed.</exception>
    void Leave();

    /// <summary>Reports that this process fails, so that the others end as well.</summary>
    /// <param name="code">Exit code for all.</param>
    /// <param name="message">What happened.</param>
    /// <param name="remedy">What the user can do about it.</param>
    /// <returns>The failure of another process that was reported first and counts instead; else null.</returns>
    ProcessFault? Abort(int code, string message, string remedy);
}

/// <summary>A group of one process: every call returns at once.</summary>
public sealed class SingleProcess : ICommunicator
{
    private SingleProcess()
    {
    }

    /// <summary>The only instance.</summary>
    public static SingleProcess Instance { get; } = new();

    /// <inheritdoc/>
    public string Name => "one process";

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public ProcessFault? Fault => null;

    /// <inheritdoc/>
    public CancellationToken Faulted => CancellationToken.None;

    /// <inheritdoc/>
    public void BeginSum(Tensor tensor)
    {
    }

    /// <inheritdoc/>
    public void FinishSums()
    {
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor)
    {
    }

    /// <inheritdoc/>
    public byte[] Broadcast(byte[] bytes) => bytes;

    /// <inheritdoc/>
    public double[] Gather(ReadOnlySpan<double> mine) => mine.ToArray();

    /// <inheritdoc/>
    public void Leave()
    {
    }

    /// <inheritdoc/>
    public ProcessFault? Abort(int code, string message, string remedy) => null;

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

/// <summary>Joins the processes of a run.</summary>
public static class ProcessGroup
{
    /// <summary>Joins the other processes; returns when all are connected.</summary>
    /// <param name="launch">The processes that the environment describes.</param>
    /// <param name="warn">Receives warnings for people.</param>
    /// <param name="stop">Cancels the wait for the others.</param>
    /// <returns>The group, for tensors in the processor's memory.</returns>
    /// <exception cref="LdaeException">Device: Open MPI is needed and missing. Configuration or Run: a process did not connect.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled before all were connected.</exception>
    public static ICommunicator Join(Launch launch, Action<string> warn, CancellationToken stop = default) => launch.Way switch
    {
        LaunchWay.Mpi => new MpiCommunicator(launch, warn, stop),
        LaunchWay.Tcp => new TcpCommunicator(launch, stop),
        _ => SingleProcess.Instance,
    };
}
