using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Distributed;

/// <summary>Rank 0's listener, to which the other processes connect. Connections without the run's token are closed.</summary>
internal sealed class Rendezvous : IDisposable
{
    private readonly Socket _listener;
    private readonly int _size;
    private readonly Dictionary<(byte Channel, int Rank), Socket> _connected = [];
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _changed = new();
    private string? _mismatch;

    /// <summary>Starts to listen.</summary>
    /// <param name="port">Port; 0 for any free one.</param>
    /// <param name="size">Number of processes.</param>
    /// <param name="token">The token that every process of the run sends.</param>
    /// <exception cref="LdaeException">Configuration: the port is in use.</exception>
    public Rendezvous(int port, int size, long token)
    {
        (_size, Token) = (size, token);
        _listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Without ReuseAddress: .NET would set SO_REUSEPORT as well, and two runs could listen at one port and accept each other's processes.
            _listener.Bind(new IPEndPoint(_listener.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, port));
            _listener.Listen(size * 2);
        }
        catch (SocketException e)
        {
            _listener.Dispose();
            throw new LdaeException(
                ErrorKind.Configuration, $"Rank 0 cannot listen at port {port}: {e.Message}", "Set MASTER_PORT to a port that is free on rank 0's machine.", e);
        }

        new Thread(Listen) { IsBackground = true, Name = "rendezvous" }.Start();
    }

    /// <summary>The token that every process of the run sends.</summary>
    public long Token { get; }

    /// <summary>The port it listens at.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Waits for a connection of each other process.</summary>
    /// <param name="channel">What the connections are for.</param>
    /// <param name="timeout">Longest wait.</param>
    /// <param name="stop">Cancels the wait.</param>
    /// <returns>Connections in order of rank, from rank 1.</returns>
    /// <exception cref="LdaeException">
    /// Run: processes did not connect, or are gone again; the message names them. Configuration: a process was given another number of processes.
    /// </exception>
    public Socket[] Wait(byte channel, TimeSpan timeout, CancellationToken stop = default)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            lock (_lock)
            {
                var missing = Enumerable.Range(1, _size - 1).Where(rank => !_connected.ContainsKey((channel, rank))).ToArray();
                if (missing.Length == 0)
                {
                    return [.. Enumerable.Range(1, _size - 1).Select(rank => _connected[(channel, rank)])];
                }

                if (_mismatch is { } mismatch)
                {
                    throw new LdaeException(ErrorKind.Configuration, mismatch, "Give every process the same WORLD_SIZE and a RANK of its own.");
                }

                if (_connected.Where(connected => Wire.IsClosed(connected.Value)).Select(connected => connected.Key.Rank).Order().Cast<int?>().FirstOrDefault() is { } gone)
                {
                    throw new LdaeException(
                        ErrorKind.Run, $"Rank {gone} of {_size} is gone: it has ended or was killed before all were connected.", "Start all processes again.");
                }

                if (Stopwatch.GetElapsedTime(start) >= timeout)
                {
                    throw new LdaeException(
                        ErrorKind.Run,
                        $"Rank {string.Join(", ", missing)} of {_size} did not connect to rank 0 at port {Port} in {timeout.TotalSeconds:F0} s.",
                        "Start all processes with the same MASTER_ADDR and MASTER_PORT, and check that this machine's firewall lets them connect.");
                }

                _changed.Reset();
            }

            _changed.Wait(TimeSpan.FromMilliseconds(200), stop);
        }
    }

    /// <summary>Reports a fault to the connected processes when the group does not come together.</summary>
    public void Reject(ProcessFault fault)
    {
        lock (_lock)
        {
            foreach (var (_, socket) in _connected.Where(connected => connected.Key.Channel == Handshake.Heartbeat))
            {
                HeartbeatMonitor.Report(socket, fault);
            }
        }
    }

    /// <summary>Closes the listener; accepted connections stay open.</summary>
    public void Dispose() => _listener.Dispose();

    private void Listen()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = Wire.SendAtOnce(_listener.Accept());
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The listener is closed.
                return;
            }

            // On another thread, so that a silent connection does not delay the others.
            ThreadPool.QueueUserWorkItem(_ => Accept(socket));
        }
    }

    private void Accept(Socket socket)
    {
        if (Handshake.Receive(socket) is not { } handshake || handshake.Token != Token)
        {
            socket.Dispose();
            return;
        }

        lock (_lock)
        {
            if (handshake.Size != _size || handshake.Rank < 1 || handshake.Rank >= _size)
            {
                _mismatch = $"Rank {handshake.Rank} was started as one of {handshake.Size} processes, rank 0 as one of {_size}.";
                socket.Dispose();
            }
            else if (!_connected.TryAdd((handshake.Channel, handshake.Rank), socket))
            {
                _mismatch = $"Two processes are rank {handshake.Rank} of {_size}.";
                socket.Dispose();
            }

            _changed.Set();
        }
    }
}

/// <summary>The first message on a connection to rank 0.</summary>
/// <param name="Channel">What the connection is for: <see cref="Heartbeat"/> or <see cref="Data"/>.</param>
/// <param name="Rank">The sender.</param>
/// <param name="Size">The number of processes that the sender was given.</param>
/// <param name="Token">A number that only the processes of one run know.</param>
internal readonly record struct Handshake(byte Channel, int Rank, int Size, long Token)
{
    public const byte Heartbeat = 1, Data = 2;

    private const uint Magic = 0x6c646165;
    private const int Bytes = 24;

    public void Send(Socket to)
    {
        var bytes = new byte[Bytes];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = Channel;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Rank);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), Size);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Token);
        Wire.Send(to, bytes);
    }

    /// <summary>Receives a handshake; null for other bytes, or for none in two seconds.</summary>
    public static Handshake? Receive(Socket from)
    {
        try
        {
            from.ReceiveTimeout = 2000;
            var bytes = new byte[Bytes];
            Wire.Receive(from, bytes);
            from.ReceiveTimeout = 0;
            return BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic
                ? null
                : new Handshake(
                    bytes[4],
                    BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)),
                    BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12)),
                    BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16)));
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException)
        {
            return null;
        }
    }
}
