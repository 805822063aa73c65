using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// Processes that meet at an address that all were told: each has a connection to rank 0, which adds in order of rank. It needs nothing
/// installed. Rank 0 moves every process's bytes, so it is for few processes, and for what is small: MPI and NCCL share the work out.
/// </summary>
public sealed unsafe class TcpCommunicator : HostCommunicator
{
    // Both sides send this much before they listen, which sockets hold.
    private const int PieceBytes = 1 << 16;

    private readonly Socket[] _others;
    private readonly byte[] _piece = new byte[PieceBytes];

    /// <summary>Meets the others.</summary>
    /// <param name="launch">Who they are, and where they meet.</param>
    /// <param name="lost">Told why the group cannot go on, on a thread of its own, while calls may never return.</param>
    /// <param name="stop">Ends the waiting for the others.</param>
    /// <exception cref="LdaeException">Run: somebody does not come. Configuration: the port is taken, or the processes were told different things.</exception>
    /// <exception cref="OperationCanceledException">The process was asked to stop.</exception>
    public TcpCommunicator(Launch launch, Action<ProcessFault> lost, CancellationToken stop = default)
        : base(launch, stop)
    {
        Name = $"sockets to {launch.MasterAddress}:{launch.MasterPort}";
        Socket[] lives;
        if (Rank == 0)
        {
            using var rendezvous = new Rendezvous(launch.MasterPort, Size, token: 0);
            (_others, lives) = Meet(rendezvous, launch.RendezvousTimeout, stop);
        }
        else
        {
            _others = [Meet(launch, Handshake.Data, stop)];
            lives = [Meet(launch, Handshake.Heartbeat, stop)];
        }

        Heartbeat = new HeartbeatMonitor(Rank, Size, lives, lost);
        Met();
    }

    /// <inheritdoc/>
    public override string Name { get; }

    private protected override void Sum(Tensor tensor)
    {
        for (var first = 0L; first < tensor.Bytes; first += PieceBytes)
        {
            var piece = new Span<byte>((void*)(tensor.Address + first), (int)Math.Min(PieceBytes, tensor.Bytes - first));
            if (Rank > 0)
            {
                Send(0, piece);
                Receive(0, piece);
                continue;
            }

            for (var other = 0; other < _others.Length; other++)
            {
                var theirs = _piece.AsSpan(0, piece.Length);
                Receive(other, theirs);
                Add(theirs, piece, tensor.DType);
            }

            SendAll(piece);
        }
    }

    private protected override void Broadcast(nint address, long bytes)
    {
        for (var first = 0L; first < bytes; first += PieceBytes)
        {
            var piece = new Span<byte>((void*)(address + first), (int)Math.Min(PieceBytes, bytes - first));
            if (Rank == 0)
            {
                SendAll(piece);
            }
            else
            {
                Receive(0, piece);
            }
        }
    }

    private protected override void Gather(double[] mine, double[] all)
    {
        // A gather of nothing is a barrier: something must come from everybody all the same.
        Span<double> own = mine.Length > 0 ? mine : [0];
        Span<double> everybody = mine.Length > 0 ? all : new double[Size];
        if (Rank > 0)
        {
            Send(0, MemoryMarshal.AsBytes(own));
            Receive(0, MemoryMarshal.AsBytes(everybody));
            return;
        }

        own.CopyTo(everybody);
        for (var other = 0; other < _others.Length; other++)
        {
            Receive(other, MemoryMarshal.AsBytes(everybody.Slice((other + 1) * own.Length, own.Length)));
        }

        SendAll(MemoryMarshal.AsBytes(everybody));
    }

    private protected override void Stop()
    {
        // Connections close with the process's other ones.
    }

    private protected override void Close(bool hasLeft) => Array.ForEach(_others, socket => socket.Dispose());

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

    private static (Socket[] Others, Socket[] Lives) Meet(Rendezvous rendezvous, TimeSpan patience, CancellationToken stop)
    {
        try
        {
            return (rendezvous.Wait(Handshake.Data, patience, stop), rendezvous.Wait(Handshake.Heartbeat, patience, stop));
        }
        catch (LdaeException e)
        {
            // They would see rank 0 end, and take it for the one at fault.
            rendezvous.Reject(new ProcessFault(0, (int)e.Kind, e.Message, IsGone: e.Kind == ErrorKind.Run));
            throw;
        }
    }

    private static Socket Meet(Launch launch, byte line, CancellationToken stop)
    {
        var socket = Wire.Connect([launch.MasterAddress], launch.MasterPort, launch.RendezvousTimeout, stop) ?? throw new LdaeException(
            ErrorKind.Run,
            $"Rank {launch.Rank} of {launch.Size} did not find rank 0 at {launch.MasterAddress}:{launch.MasterPort} in {launch.RendezvousTimeout.TotalSeconds:F0} s.",
            "Start all processes, and set MASTER_ADDR to a name of rank 0's machine that the others can reach.");
        new Handshake(line, launch.Rank, launch.Size, 0).Send(socket);
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
        catch (SocketException e)
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
        catch (Exception e) when (e is SocketException or EndOfStreamException)
        {
            throw Gone(other, e);
        }
    }

    private LdaeException Gone(int other, Exception why) => new(
        ErrorKind.Run, $"Rank {(Rank == 0 ? other + 1 : 0)} of {Size} is gone: {why.Message}.", "Start the run again with --resume.", why);
}
