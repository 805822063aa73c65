using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// A group over plain sockets: each process has a connection to rank 0, which adds in order of rank. It needs nothing installed. All bytes pass
/// through rank 0, so it is for few processes or small networks; MPI and NCCL distribute the traffic.
/// </summary>
public sealed unsafe class TcpCommunicator : HostCommunicator
{
    // Both sides send this much before they receive; it fits into a socket's buffer.
    private const int ChunkBytes = 1 << 16;

    private readonly Socket[] _others;
    private readonly byte[] _chunk = new byte[ChunkBytes];

    /// <summary>Connects the processes.</summary>
    /// <param name="launch">The processes, and rank 0's address.</param>
    /// <param name="stop">Cancels the wait for the others.</param>
    /// <exception cref="LdaeException">Run: a process does not connect. Configuration: the port is in use, or the processes were started with different numbers.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled before all were connected.</exception>
    public TcpCommunicator(Launch launch, CancellationToken stop = default)
        : base(launch, stop)
    {
        Name = $"sockets to {launch.MasterAddress}:{launch.MasterPort}";
        Socket[] heartbeats;
        if (Rank == 0)
        {
            using var rendezvous = new Rendezvous(launch.MasterPort, Size, token: 0);
            (_others, heartbeats) = Accept(rendezvous, launch.RendezvousTimeout, stop);
        }
        else
        {
            _others = [Connect(launch, Handshake.Data, stop)];
            heartbeats = [Connect(launch, Handshake.Heartbeat, stop)];
        }

        Complete(heartbeats);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    private protected override void Sum(Tensor tensor)
    {
        for (var first = 0L; first < tensor.Bytes; first += ChunkBytes)
        {
            var chunk = new Span<byte>((void*)(tensor.Address + first), (int)Math.Min(ChunkBytes, tensor.Bytes - first));
            if (Rank > 0)
            {
                Send(0, chunk);
                Receive(0, chunk);
                continue;
            }

            for (var other = 0; other < _others.Length; other++)
            {
                var theirs = _chunk.AsSpan(0, chunk.Length);
                Receive(other, theirs);
                Add(theirs, chunk, tensor.DType);
            }

            SendAll(chunk);
        }
    }

    private protected override void Broadcast(nint address, long bytes)
    {
        for (var first = 0L; first < bytes; first += ChunkBytes)
        {
            var chunk = new Span<byte>((void*)(address + first), (int)Math.Min(ChunkBytes, bytes - first));
            if (Rank == 0)
            {
                SendAll(chunk);
            }
            else
            {
                Receive(0, chunk);
            }
        }
    }

    private protected override void Gather(double[] mine, double[] all)
    {
        // A gather of nothing is a barrier, which needs a message of each process.
        Span<double> own = mine.Length > 0 ? mine : [0];
        Span<double> gathered = mine.Length > 0 ? all : new double[Size];
        if (Rank > 0)
        {
            Send(0, MemoryMarshal.AsBytes(own));
            Receive(0, MemoryMarshal.AsBytes(gathered));
            return;
        }

        own.CopyTo(gathered);
        for (var other = 0; other < _others.Length; other++)
        {
            Receive(other, MemoryMarshal.AsBytes(gathered.Slice((other + 1) * own.Length, own.Length)));
        }

        SendAll(MemoryMarshal.AsBytes(gathered));
    }

    private protected override void Close() => Array.ForEach(_others, socket => socket.Dispose());

    private protected override void Interrupt(ProcessFaultException error) => Close();

    private static void Add(ReadOnlySpan<byte> theirs, Span<byte> to, DType type)
    {
        if (type == DType.F64)
        {
            Add(MemoryMarshal.Cast<byte, double>(theirs), MemoryMarshal.Cast<byte, double>(to));
        }
        else
        {
            Add(MemoryMarshal.Cast<byte, float>(theirs), MemoryMarshal.Cast<byte, float>(to));
        }
    }

    private static void Add<T>(ReadOnlySpan<T> theirs, Span<T> to)
        where T : unmanaged, INumber<T>
    {
        var whole = to.Length - (to.Length % Vector<T>.Count);
        for (var i = 0; i < whole; i += Vector<T>.Count)
        {
            (new Vector<T>(to[i..]) + new Vector<T>(theirs[i..])).CopyTo(to[i..]);
        }

        for (var i = whole; i < to.Length; i++)
        {
            to[i] += theirs[i];
        }
    }

    private static (Socket[] Others, Socket[] Heartbeats) Accept(Rendezvous rendezvous, TimeSpan timeout, CancellationToken stop)
    {
        try
        {
            return (rendezvous.Wait(Handshake.Data, timeout, stop), rendezvous.Wait(Handshake.Heartbeat, timeout, stop));
        }
        catch (LdaeException e)
        {
            // Without a report they would take rank 0 for the process at fault.
            rendezvous.Reject(new ProcessFault(0, (int)e.Kind, e.Message, IsGone: e.Kind == ErrorKind.Run) { Remedy = e.Remedy });
            throw;
        }
    }

    private static Socket Connect(Launch launch, byte channel, CancellationToken stop)
    {
        var socket = Wire.Connect([launch.MasterAddress], launch.MasterPort, launch.RendezvousTimeout, stop) ?? throw new LdaeException(
            ErrorKind.Run,
            $"Rank {launch.Rank} of {launch.Size} did not reach rank 0 at {launch.MasterAddress}:{launch.MasterPort} in {launch.RendezvousTimeout.TotalSeconds:F0} s.",
            "Start all processes, and set MASTER_ADDR to a name of rank 0's machine that the others can reach.");
        new Handshake(channel, launch.Rank, launch.Size, 0).Send(socket);
        return socket;
    }

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        for (var other = 0; other < _others.Length; other++)
        {
            Send(other, bytes);
        }
    }

    private void Send(int other, ReadOnlySpan<byte> bytes)
    {
        try
        {
            Wire.Send(_others[other], bytes);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw Gone(other, e);
        }
    }

    private void Receive(int other, Span<byte> bytes)
    {
        try
        {
            Wire.Receive(_others[other], bytes);
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or ObjectDisposedException)
        {
            throw Gone(other, e);
        }
    }

    private LdaeException Gone(int other, Exception why) => new(
        ErrorKind.Run, $"Rank {(Rank == 0 ? other + 1 : 0)} of {Size} is gone: {why.Message}.", "Start the run again with --resume.", why);
}
