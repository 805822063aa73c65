using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// A group of processes that train together, as one of them sees it. Every process asks for the same things, of the same sizes, in the same
/// order; nobody says which call belongs to which.
/// </summary>
public interface ICommunicator : IDisposable
{
    /// <summary>How the processes talk, for people.</summary>
    string Name { get; }

    /// <summary>This process's number, 0..<see cref="Size"/>-1. Rank 0 writes and decides.</summary>
    int Rank { get; }

    /// <summary>Number of processes.</summary>
    int Size { get; }

    /// <summary>
    /// Begins to replace a tensor's elements by their sum over all processes, beside what the calling thread does next. Nobody may touch
    /// them before <see cref="FinishSums"/>. All processes get the same bits.
    /// </summary>
    /// <param name="tensor">F32 or F64, in the memory of the group's device.</param>
    void BeginSum(Tensor tensor);

    /// <summary>Waits for all sums that were begun; on a device with work of its own, lets the work asked for from now on wait for them.</summary>
    /// <exception cref="LdaeException">Run: a process is gone.</exception>
    void FinishSums();

    /// <summary>Replaces a tensor's bytes by those of rank 0.</summary>
    /// <param name="tensor">In the memory of the group's device.</param>
    /// <exception cref="LdaeException">Run: a process is gone.</exception>
    void Broadcast(Tensor tensor);

    /// <summary>Brings bytes of rank 0 to all.</summary>
    /// <param name="bytes">What rank 0 sends; nobody asks what the others give.</param>
    /// <returns>Rank 0's bytes.</returns>
    /// <exception cref="LdaeException">Run: a process is gone.</exception>
    byte[] Broadcast(byte[] bytes);

    /// <summary>Brings a few numbers of each process to all.</summary>
    /// <param name="mine">This process's, as many as every other's.</param>
    /// <returns>Those of rank 0, then those of rank 1, and so on.</returns>
    /// <exception cref="LdaeException">Run: a process is gone.</exception>
    double[] Gather(ReadOnlySpan<double> mine);

    /// <summary>Waits until all processes are here, and leaves the group. Without it, <see cref="IDisposable.Dispose"/> looks to the others like a process that died.</summary>
    /// <exception cref="LdaeException">Run: a process is gone.</exception>
    void Leave();

    /// <summary>Tells the others that this process cannot go on, so that they end as well.</summary>
    /// <param name="code">Exit code for them.</param>
    /// <param name="message">Why.</param>
    void Abort(int code, string message);
}
