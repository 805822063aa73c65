using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace LDaeCore.Engine.Distributed;

/// <summary>Whole messages over sockets.</summary>
internal static class Wire
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50), Attempt = TimeSpan.FromSeconds(2);

    /// <summary>Sends all bytes.</summary>
    /// <exception cref="SocketException">The other side is gone.</exception>
    public static void Send(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[socket.Send(bytes)..];
        }
    }

    /// <summary>Receives as many bytes as there is room for.</summary>
    /// <exception cref="SocketException">The other side is gone.</exception>
    /// <exception cref="EndOfStreamException">The other side has closed the connection.</exception>
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

    /// <summary>Connects to the first address that answers, trying until a time is over.</summary>
    /// <param name="hosts">Names or addresses.</param>
    /// <param name="port">The port.</param>
    /// <param name="patience">How long.</param>
    /// <param name="stop">Ends the trying.</param>
    /// <returns>The connection, or null.</returns>
    public static Socket? Connect(IReadOnlyList<string> hosts, int port, TimeSpan patience, CancellationToken stop = default)
    {
        var start = Stopwatch.GetTimestamp();
        do
        {
            foreach (var host in hosts)
            {
                if (TryConnect(host, port, patience - Stopwatch.GetElapsedTime(start)) is { } socket)
                {
                    return socket;
                }
            }

            stop.WaitHandle.WaitOne(Pause);
            stop.ThrowIfCancellationRequested();
        }
        while (Stopwatch.GetElapsedTime(start) < patience);
        return null;
    }

    /// <summary>Whether the other side has closed a connection on which nothing is left to be read.</summary>
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

    /// <summary>Makes messages leave at once: most are small and waited for.</summary>
    public static Socket Prompt(Socket socket)
    {
        socket.NoDelay = true;
        return socket;
    }

    private static Socket? TryConnect(string host, int port, TimeSpan left)
    {
        var socket = Prompt(new Socket(SocketType.Stream, ProtocolType.Tcp));
        try
        {
            // An address that leads nowhere must leave time for the next.
            using var stop = new CancellationTokenSource(left > Attempt ? Attempt : left > TimeSpan.Zero ? left : Pause);
            EndPoint point = IPAddress.TryParse(host, out var address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port);
            socket.ConnectAsync(point, stop.Token).AsTask().GetAwaiter().GetResult();
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // Not there yet, or not to be reached this way.
            socket.Dispose();
            return null;
        }
    }
}
