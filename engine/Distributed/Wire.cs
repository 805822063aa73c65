using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace LDaeCore.Engine.Distributed;

/// <summary>Whole messages over TCP sockets.</summary>
internal static class Wire
{
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromMilliseconds(50), AttemptTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Sends all bytes.</summary>
    /// <exception cref="SocketException">The connection failed.</exception>
    public static void Send(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[socket.Send(bytes)..];
        }
    }

    /// <summary>Fills a span with received bytes.</summary>
    /// <exception cref="SocketException">The connection failed.</exception>
    /// <exception cref="EndOfStreamException">The connection was closed.</exception>
    public static void Receive(Socket socket, Span<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var some = socket.Receive(bytes);
            if (some == 0)
            {
                throw new EndOfStreamException("the connection was closed");
            }

            bytes = bytes[some..];
        }
    }

    /// <summary>Connects to the first address that answers; tries again until it succeeds or the time is over.</summary>
    /// <param name="hosts">Names or addresses.</param>
    /// <param name="port">The port.</param>
    /// <param name="timeout">Longest time.</param>
    /// <param name="stop">Cancels the attempts.</param>
    /// <returns>The connection, or null.</returns>
    public static Socket? Connect(IReadOnlyList<string> hosts, int port, TimeSpan timeout, CancellationToken stop = default)
    {
        var start = Stopwatch.GetTimestamp();
        do
        {
            foreach (var host in hosts)
            {
                if (TryConnect(host, port, timeout - Stopwatch.GetElapsedTime(start)) is { } socket)
                {
                    return socket;
                }
            }

            stop.WaitHandle.WaitOne(RetryPeriod);
            stop.ThrowIfCancellationRequested();
        }
        while (Stopwatch.GetElapsedTime(start) < timeout);
        return null;
    }

    /// <summary>Whether the other side has closed a connection that has no bytes left to read.</summary>
    public static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>Turns off the delay of small messages: most are small and waited for.</summary>
    public static Socket SendAtOnce(Socket socket)
    {
        socket.NoDelay = true;
        return socket;
    }

    private static Socket? TryConnect(string host, int port, TimeSpan left)
    {
        var socket = SendAtOnce(new Socket(SocketType.Stream, ProtocolType.Tcp));
        try
        {
            // An address that does not answer must leave time for the next.
            using var stop = new CancellationTokenSource(left > AttemptTimeout ? AttemptTimeout : left > TimeSpan.Zero ? left : RetryPeriod);
            EndPoint point = IPAddress.TryParse(host, out var address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);
            socket.ConnectAsync(point, stop.Token).AsTask().GetAwaiter().GetResult();
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // Not listening yet, or not reachable by this address.
            socket.Dispose();
            return null;
        }
    }
}
