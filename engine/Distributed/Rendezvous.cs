using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Distributed;

/// <summary>Where rank 0 lets the other processes in. Whoever does not know the run's token is turned away without a word.</summary>
internal sealed class Rendezvous : IDisposable
{
    private readonly Socket _listener;
    private readonly int _size;
    private readonly long _token;
    private readonly Dictionary<(byte Line, int Rank), Socket> _arrived = [];
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _changed = new();
    private string? _mismatch;

    /// <summary>Opens it.</summary>
    /// <param name="port">Port to listen at; 0 for any that is free.</param>
    /// <param name="size">Number of processes.</param>
    /// <param name="token">What the others must know.</param>
    /// <exception cref="LdaeException">Configuration: the port is taken.</exception>
    public Rendezvous(int port, int size, long token)
    {
        (_size, _token) = (size, token);
        _listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Without ReuseAddress, which here lets two runs listen at one port and take each other's processes; a port whose last connections are still to be
            // forgotten is free all the same.
            _listener.Bind(new IPEndPoint(_listener.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, port));
            _listener.Listen(size * 2);
        }
        catch (SocketException e)
        {
            _listener.Dispose();
            throw new LdaeException(
                ErrorKind.Configuration, $"Rank 0 cannot listen at port {port}: {e.Message}", "Set MASTER_PORT to a port that is free on rank 0's machine.", e);
        }

        new Thread(Accept) { IsBackground = true, Name = "rendezvous" }.Start();
    }

    /// <summary>What the others must know.</summary>
    public long Token => _token;

    /// <summary>The port it listens at.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Waits for a connection of each of the other processes.</summary>
    /// <param name="line">What the connections are for.</param>
    /// <param name="patience">How long.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <returns>Connections in order of rank, from 1 on.</returns>
    /// <exception cref="LdaeException">
    /// Run: some did not come, or are gone again; the message names them. Configuration: one was told of another number of processes.
    /// </exception>
    public Socket[] Wait(byte line, TimeSpan patience, CancellationToken stop = default)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            lock (_lock)
            {
                var missing = Enumerable.Range(1, _size - 1).Where(rank => !_arrived.ContainsKey((line, rank))).ToArray();
                if (missing.Length == 0)
                {
                    return [.. Enumerable.Range(1, _size - 1).Select(rank => _arrived[(line, rank)])];
                }

                if (_mismatch is { } stranger)
                {
                    throw new LdaeException(ErrorKind.Configuration, stranger, "Give every process the same WORLD_SIZE and a RANK of its own.");
                }

                // Nobody who waits here would hear of it otherwise.
                if (_arrived.Where(arrived => Wire.IsClosed(arrived.Value)).Select(arrived => arrived.Key.Rank).Order().Cast<int?>().FirstOrDefault() is { } gone)
                {
                    throw new LdaeException(ErrorKind.Run, $"Rank {gone} of {_size} is gone: it has ended or was killed before all had come.", "Start all processes again.");
                }

                if (Stopwatch.GetElapsedTime(start) >= patience)
                {
                    throw new LdaeException(
                        ErrorKind.Run,
                        $"Rank {string.Join(", ", missing)} of {_size} did not come to rank 0 at port {Port} in {patience.TotalSeconds:F0} s.",
                        "Start all processes, with the same MASTER_ADDR and MASTER_PORT, and see that this machine lets them in.");
                }

                _changed.Reset();
            }

            _changed.Wait(TimeSpan.FromMilliseconds(200), stop);
        }
    }

    /// <summary>Tells those who have come why the group does not come together.</summary>
    public void Reject(ProcessFault fault)
    {
        lock (_lock)
        {
            foreach (var (_, socket) in _arrived.Where(arrived => arrived.Key.Line == Handshake.Heartbeat))
            {
                HeartbeatMonitor.Tell(socket, fault);
            }
        }
    }

    /// <summary>Closes it; connections that were let in stay open.</summary>
    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = Wire.Prompt(_listener.Accept());
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Closed.
                return;
            }

            // Whoever says nothing must not keep the others waiting.
            ThreadPool.QueueUserWorkItem(_ => Admit(socket));
        }
    }

    private void Admit(Socket socket)
    {
        if (Handshake.Hear(socket) is not { } handshake || handshake.Token != _token)
        {
            socket.Dispose();
            return;
        }

        lock (_lock)
        {
            if (handshake.Size != _size || handshake.Rank < 1 || handshake.Rank >= _size)
            {
                _mismatch = $"Rank {handshake.Rank} says it is one of {handshake.Size} processes; rank 0 was told of {_size}.";
                socket.Dispose();
            }
            else if (!_arrived.TryAdd((handshake.Line, handshake.Rank), socket))
            {
                _mismatch = $"Two processes say they are rank {handshake.Rank} of {_size}.";
                socket.Dispose();
            }

            _changed.Set();
        }
    }
}
