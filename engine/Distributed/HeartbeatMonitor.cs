using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// Reports within seconds that a process is gone: each process has a connection to rank 0, on which both sides send a heartbeat every other second. A killed
/// process closes its connection; a lost machine falls silent. Rank 0 forwards the fault, so that every process names the one at fault and not
/// the one that it lost first.
/// </summary>
internal sealed class HeartbeatMonitor : IDisposable
{
    private const byte Alive = 1, Bye = 2, Fault = 3;
    private const int HeaderBytes = 5, MaxBytes = 1 << 20;

    private static readonly TimeSpan RankZeroEnds = TimeSpan.FromMinutes(1);

    private readonly int _rank, _size;
    private readonly Peer[] _peers;
    private readonly Action<ProcessFault> _onFault;
    private readonly TimeSpan _period, _timeout;
    private readonly ManualResetEventSlim _stopped = new();
    private long _lastBeat = Stopwatch.GetTimestamp(), _resumed = long.MinValue;
    private ProcessFault? _fault;
    private volatile bool _rankZeroFails, _left;

    /// <summary>Starts to watch.</summary>
    /// <param name="rank">This process.</param>
    /// <param name="size">Number of processes.</param>
    /// <param name="sockets">On rank 0 a connection to each other process in order of rank; elsewhere the one to rank 0. Closed with this.</param>
    /// <param name="onFault">Called once, on a thread of the monitor, with the fault of another process.</param>
    /// <param name="timeout">Longest silence of a process; 20 s when not given.</param>
    public HeartbeatMonitor(int rank, int size, IReadOnlyList<Socket> sockets, Action<ProcessFault> onFault, TimeSpan? timeout = null)
    {
        (_rank, _size, _onFault, _timeout) = (rank, size, onFault, timeout ?? TimeSpan.FromSeconds(20));
        _period = _timeout / 10;
        _peers = [.. sockets.Select((socket, i) => new Peer(socket, rank == 0 ? i + 1 : 0))];
        foreach (var peer in _peers)
        {
            new Thread(() => Listen(peer)) { IsBackground = true, Name = $"heartbeat {peer.Rank}" }.Start();
        }

        // A thread of its own: those of the pool may all decode images.
        new Thread(Beat) { IsBackground = true, Name = "heartbeat" }.Start();
    }

    /// <summary>Reports that this process fails.</summary>
    /// <returns>A fault that was reported first and counts instead; else null.</returns>
    public ProcessFault? Fail(int code, string message, string remedy)
    {
        var own = new ProcessFault(_rank, code, message, IsGone: false) { Remedy = remedy };
        var first = Decide(own, from: null);
        return first == own ? null : first;
    }

    /// <summary>Waits for a report that may be on its way.</summary>
    /// <returns>The fault, or null.</returns>
    public ProcessFault? WaitForFault(TimeSpan timeout)
    {
        SpinWait.SpinUntil(() => Volatile.Read(ref _fault) is not null || _rankZeroFails, timeout);
        if (_rankZeroFails)
        {
            SpinWait.SpinUntil(() => Volatile.Read(ref _fault) is not null);
        }

        return Volatile.Read(ref _fault);
    }

    /// <summary>Says goodbye: from here on a closed connection is no fault.</summary>
    public void Leave()
    {
        _left = true;
        foreach (var peer in _peers)
        {
            TrySend(peer, Bye, []);
        }
    }

    /// <summary>Reports a fault over a connection that no monitor holds yet.</summary>
    public static void Report(Socket socket, ProcessFault fault) => TrySend(new Peer(socket, 0), Fault, fault.ToBytes());

    /// <summary>Closes the connections.</summary>
    public void Dispose()
    {
        _left = true;
        _stopped.Set();
        foreach (var peer in _peers)
        {
            peer.Socket.Dispose();
        }
    }

    private void Listen(Peer peer)
    {
        try
        {
            while (true)
            {
                var (kind, content) = Receive(peer);
                if (kind == Bye)
                {
                    peer.Left = true;
                    return;
                }

                if (kind == Fault)
                {
                    var fault = ProcessFault.Of(content);
                    if (peer.Rank == 0 && fault is { Rank: 0, IsGone: false })
                    {
                        WaitForRankZero(peer);
                    }

                    Decide(fault, peer);
                }
            }
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or ObjectDisposedException)
        {
            Lose(peer, "its connection is closed, so it has ended or was killed");
        }
    }

    private static (byte Kind, byte[] Content) Receive(Peer peer)
    {
        var header = new byte[HeaderBytes];
        Wire.Receive(peer.Socket, header);
        peer.LastHeard = Stopwatch.GetTimestamp();
        var length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(1));
        var content = new byte[length is >= 0 and <= MaxBytes ? length : 0];
        Wire.Receive(peer.Socket, content);
        return (header[0], content);
    }

    /// <summary>Waits until a failing rank 0 has written its report and ended: mpirun kills it when another process ends first.</summary>
    private void WaitForRankZero(Peer peer)
    {
        _rankZeroFails = true;
        var start = Stopwatch.GetTimestamp();
        try
        {
            while (Stopwatch.GetElapsedTime(start) < RankZeroEnds)
            {
                Receive(peer);
            }
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or ObjectDisposedException)
        {
            // It has ended.
        }
    }

    private void Beat()
    {
        while (!_stopped.Wait(_period))
        {
            // A process that was itself suspended, by a debugger or a signal, has not listened either.
            var wasSuspended = Stopwatch.GetElapsedTime(Volatile.Read(ref _lastBeat)) > _timeout / 2;
            var now = Stopwatch.GetTimestamp();
            Volatile.Write(ref _resumed, wasSuspended ? now : _resumed);
            Volatile.Write(ref _lastBeat, now);
            foreach (var peer in _peers.Where(peer => !peer.Left))
            {
                if (wasSuspended)
                {
                    peer.LastHeard = now;
                }

                TrySend(peer, Alive, []);
                if (Stopwatch.GetElapsedTime(peer.LastHeard) > _timeout)
                {
                    Lose(peer, $"nothing was heard of it for {_timeout.TotalSeconds:F0} s, so it or its machine does not respond");
                }
            }
        }
    }

    private void Lose(Peer peer, string why)
    {
        if (peer.Left || _left)
        {
            return;
        }

        // The others may have ended because this process was suspended: then it is the one at fault.
        Decide(
            HasJustResumed
                ? new ProcessFault(_rank, 1, $"Rank {_rank} of {_size} did not respond for more than {_timeout.TotalSeconds / 2:F0} s, and the others have ended.", IsGone: true)
                : new ProcessFault(peer.Rank, 1, $"Rank {peer.Rank} of {_size} is gone: {why}.", IsGone: true),
            peer);
    }

    private bool HasJustResumed =>
        Stopwatch.GetElapsedTime(Volatile.Read(ref _lastBeat)) > _timeout / 2
        || (Volatile.Read(ref _resumed) is var resumed && resumed != long.MinValue && Stopwatch.GetElapsedTime(resumed) < _period);

    /// <summary>The first fault counts; later ones follow from it.</summary>
    /// <returns>The first fault.</returns>
    private ProcessFault Decide(ProcessFault fault, Peer? from)
    {
        if (Interlocked.CompareExchange(ref _fault, fault, null) is { } first)
        {
            return first;
        }

        foreach (var peer in _peers.Where(peer => peer != from))
        {
            TrySend(peer, Fault, fault.ToBytes());
        }

        if (from is not null)
        {
            _onFault(fault);
        }

        return fault;
    }

    private static void TrySend(Peer peer, byte kind, byte[] content)
    {
        try
        {
            var bytes = new byte[HeaderBytes + content.Length];
            bytes[0] = kind;
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1), content.Length);
            content.CopyTo(bytes, HeaderBytes);
            lock (peer)
            {
                Wire.Send(peer.Socket, bytes);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The thread that listens to this peer reports it.
        }
    }

    private sealed class Peer(Socket socket, int rank)
    {
        private long _lastHeard = Stopwatch.GetTimestamp();

        public Socket Socket => socket;

        public int Rank => rank;

        public volatile bool Left;

        public long LastHeard
        {
            get => Volatile.Read(ref _lastHeard);
            set => Volatile.Write(ref _lastHeard, value);
        }
    }
}
