using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// Tells every process, within seconds, that one of them is gone: a connection of each to rank 0, on which both sides say every other second that they are
/// alive. A process that is killed closes its connection; a machine that is lost falls silent. A collective call that will never
/// return cannot say either. Rank 0 passes the news on, so that every process names the one that is at fault and not the one that it lost first.
/// </summary>
internal sealed class HeartbeatMonitor : IDisposable
{
    private const byte Alive = 1, Bye = 2, News = 3;
    private const int HeaderBytes = 5, MostBytes = 1 << 20;

    private static readonly TimeSpan LastWords = TimeSpan.FromMinutes(1);

    private readonly int _rank, _size;
    private readonly Line[] _lines;
    private readonly Action<ProcessFault> _lost;
    private readonly TimeSpan _period, _silence;
    private readonly ManualResetEventSlim _stopped = new();
    private long _beaten = Stopwatch.GetTimestamp(), _woken = long.MinValue;
    private int _decided;
    private bool _warned;
    private volatile bool _left;

    /// <summary>Begins to watch.</summary>
    /// <param name="rank">This process.</param>
    /// <param name="size">How many there are.</param>
    /// <param name="others">On rank 0 a connection to each other in order of rank; elsewhere the one to rank 0. Closed with this.</param>
    /// <param name="lost">Told once, on a thread of its own, why the group cannot go on.</param>
    /// <param name="silence">How long a process may be silent; twenty seconds when not given.</param>
    public HeartbeatMonitor(int rank, int size, IReadOnlyList<Socket> others, Action<ProcessFault> lost, TimeSpan? silence = null)
    {
        (_rank, _size, _lost, _silence) = (rank, size, lost, silence ?? TimeSpan.FromSeconds(20));
        _period = _silence / 10;
        _lines = [.. others.Select((socket, i) => new Line(socket, rank == 0 ? i + 1 : 0))];
        foreach (var line in _lines)
        {
            new Thread(() => Listen(line)) { IsBackground = true, Name = $"heartbeat {line.Rank}" }.Start();
        }

        // Not one of the pool's threads: those may all be decoding images.
        new Thread(Beat) { IsBackground = true, Name = "heartbeat" }.Start();
    }

    /// <summary>Tells the others that this process fails; it says itself why.</summary>
    public void Fail(int code, string message) => Decide(new ProcessFault(_rank, code, message, IsGone: false), from: null);

    /// <summary>Waits for news that may be on their way.</summary>
    /// <returns>Whether there are any.</returns>
    public bool HasNews(TimeSpan patience) => SpinWait.SpinUntil(() => Volatile.Read(ref _decided) != 0 || Volatile.Read(ref _warned), patience);

    /// <summary>Says goodbye: from here on nobody misses this process, and it misses nobody.</summary>
    public void Leave()
    {
        _left = true;
        foreach (var line in _lines)
        {
            TrySend(line, Bye, []);
        }
    }

    /// <summary>Tells whoever listens at the other end of a connection, where no heartbeat holds this one yet.</summary>
    public static void Tell(Socket socket, ProcessFault fault) => TrySend(new Line(socket, 0), News, fault.ToBytes());

    /// <summary>Closes the connections.</summary>
    public void Dispose()
    {
        _left = true;
        _stopped.Set();
        foreach (var line in _lines)
        {
            line.Socket.Dispose();
        }
    }

    private void Listen(Line line)
    {
        try
        {
            while (true)
            {
                var (kind, content) = Hear(line);
                if (kind == Bye)
                {
                    line.Left = true;
                    return;
                }

                if (kind == News)
                {
                    var fault = ProcessFault.Of(content);
                    if (line.Rank == 0 && fault is { Rank: 0, IsGone: false })
                    {
                        HearOut(line);
                    }

                    Decide(fault, line);
                }
            }
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException or ObjectDisposedException)
        {
            Miss(line, "its connection is closed, so it has ended or was killed");
        }
    }

    private static (byte Kind, byte[] Content) Hear(Line line)
    {
        var header = new byte[HeaderBytes];
        Wire.Receive(line.Socket, header);
        line.Heard = Stopwatch.GetTimestamp();
        var length = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(1));
        var content = new byte[length is >= 0 and <= MostBytes ? length : 0];
        Wire.Receive(line.Socket, content);
        return (header[0], content);
    }

    /// <summary>Rank 0 fails and writes down why: whoever ended before it would make mpirun kill it over that.</summary>
    private void HearOut(Line line)
    {
        Volatile.Write(ref _warned, true);
        var start = Stopwatch.GetTimestamp();
        try
        {
            while (Stopwatch.GetElapsedTime(start) < LastWords)
            {
                Hear(line);
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
            // A process that stood still itself, under a debugger or by a signal, has not listened either.
            var stoodStill = Stopwatch.GetElapsedTime(Volatile.Read(ref _beaten)) > _silence / 2;
            var beaten = Stopwatch.GetTimestamp();
            Volatile.Write(ref _woken, stoodStill ? beaten : _woken);
            Volatile.Write(ref _beaten, beaten);
            foreach (var line in _lines.Where(line => !line.Left))
            {
                if (stoodStill)
                {
                    line.Heard = beaten;
                }

                TrySend(line, Alive, []);
                if (Stopwatch.GetElapsedTime(line.Heard) > _silence)
                {
                    Miss(line, $"nothing was heard of it for {_silence.TotalSeconds:F0} s, so it or its machine stands still");
                }
            }
        }
    }

    private void Miss(Line line, string why)
    {
        if (line.Left || _left)
        {
            return;
        }

        // Whoever gave this process up while it stood still has ended for that: the one at fault is this one, woken perhaps by the end of the others.
        Decide(
            HasJustWoken
                ? new ProcessFault(_rank, 1, $"Rank {_rank} of {_size} stood still for more than {_silence.TotalSeconds / 2:F0} s, and the others have given it up.", IsGone: true)
                : new ProcessFault(line.Rank, 1, $"Rank {line.Rank} of {_size} is gone: {why}.", IsGone: true),
            line);
    }

    private bool HasJustWoken =>
        Stopwatch.GetElapsedTime(Volatile.Read(ref _beaten)) > _silence / 2
        || (Volatile.Read(ref _woken) is var woken && woken != long.MinValue && Stopwatch.GetElapsedTime(woken) < _period);

    /// <summary>The first news count; what follows from them is no news.</summary>
    private void Decide(ProcessFault fault, Line? from)
    {
        if (Interlocked.Exchange(ref _decided, 1) != 0)
        {
            return;
        }

        foreach (var line in _lines.Where(line => line != from))
        {
            TrySend(line, News, fault.ToBytes());
        }

        if (from is not null)
        {
            _lost(fault);
        }
    }

    private static void TrySend(Line line, byte kind, byte[] content)
    {
        try
        {
            var bytes = new byte[HeaderBytes + content.Length];
            bytes[0] = kind;
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1), content.Length);
            content.CopyTo(bytes, HeaderBytes);
            lock (line)
            {
                Wire.Send(line.Socket, bytes);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Whoever is gone is missed where it is listened to.
        }
    }

    private sealed class Line(Socket socket, int rank)
    {
        private long _heard = Stopwatch.GetTimestamp();

        public Socket Socket => socket;

        public int Rank => rank;

        public volatile bool Left;

        public long Heard
        {
            get => Volatile.Read(ref _heard);
            set => Volatile.Write(ref _heard, value);
        }
    }
}
