using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner.Dashboards;

/// <summary>
/// Serves pages to browsers on this machine: one response a connection, GET and HEAD only, on the loopback address. Requests with another Host header
/// are rejected, as a protection against DNS rebinding.
/// </summary>
internal sealed class DashboardServer : IDisposable
{
    private const int MostHeader = 16 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly DashboardPages _pages;
    private readonly TcpListener _listener;

    /// <summary>Starts to listen.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="port">The port; 0 for a free one.</param>
    /// <exception cref="LdaeException">Configuration: the port is in use.</exception>
    public DashboardServer(DashboardPages pages, int port)
    {
        _pages = pages;
        _listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            _listener.Start();
        }
        catch (SocketException e)
        {
            _listener.Dispose();
            throw new LdaeException(ErrorKind.Configuration, $"--port {port} cannot be listened on: {e.Message}", "Give another --port, or 0 for a free one.", e);
        }
    }

    /// <summary>The port it listens at.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Its URL.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port}/");

    /// <summary>Serves requests until it is cancelled.</summary>
    /// <param name="cancellation">Asks to stop.</param>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(cancellation).ConfigureAwait(false);
                _ = AnswerAsync(client, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Cancelled.
        }
    }

    /// <summary>Stops listening.</summary>
    public void Dispose() => _listener.Dispose();

    private async Task AnswerAsync(TcpClient client, CancellationToken cancellation)
    {
        using var connection = client;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            var stream = connection.GetStream();
            var answer = await ReadHeaderAsync(stream, limit.Token).ConfigureAwait(false) is { } header
                ? Answer(header)
                : Text("431 Request Header Fields Too Large", "The request is too long.");
            await stream.WriteAsync(answer, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The connection was closed, or no request was sent.
        }
    }

    /// <summary>The request's head; null where it is too long or too slow.</summary>
    private static async Task<string?> ReadHeaderAsync(NetworkStream stream, CancellationToken cancellation)
    {
        var bytes = new byte[MostHeader];
        for (var length = 0; length < bytes.Length;)
        {
            var read = await stream.ReadAsync(bytes.AsMemory(length), cancellation).ConfigureAwait(false);
            length += read;
            var text = Encoding.Latin1.GetString(bytes, 0, length);
            if (read == 0 || text.Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                return text;
            }
        }

        return null;
    }

    private byte[] Answer(string header)
    {
        var lines = header.Split("\r\n");
        if (lines[0].Split(' ') is not [var method, var target, "HTTP/1.1" or "HTTP/1.0"])
        {
            return Text("400 Bad Request", "The request is malformed.");
        }

        string? Field(string name) => lines.Skip(1).FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();
        if (Field("Host") is not { } host || !IsHere(host))
        {
            return Text("403 Forbidden", "This address is for browsers on this machine.");
        }

        if (method is not ("GET" or "HEAD"))
        {
            return Text("405 Method Not Allowed", "Only GET and HEAD are supported.", "Allow: GET, HEAD\r\n");
        }

        return _pages.Find(target.Split('?')[0]) is not { } found ? Text("404 Not Found", "There is no such page.")
            : Field("If-None-Match") == found.Tag ? Message("304 Not Modified", found.Type, found.Tag, [], hasBody: false)
            : Message("200 OK", found.Type, found.Tag, found.Content, method == "GET");
    }

    private bool IsHere(string host) => host.ToLowerInvariant() is var name
        && (name == string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}") || name == string.Create(CultureInfo.InvariantCulture, $"localhost:{Port}"));

    private static byte[] Text(string status, string text, string more = "") =>
        Message(status, "text/plain; charset=utf-8", null, Encoding.UTF8.GetBytes(text + "\n"), hasBody: true, more);

    private static byte[] Message(string status, string type, string? tag, byte[] content, bool hasBody, string more = "")
    {
        var header = string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {content.Length}\r\n{(tag is null ? "" : $"ETag: {tag}\r\n")}{more}Cache-Control: "
                + $"no-cache\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
        return [.. Encoding.Latin1.GetBytes(header), .. hasBody ? content : []];
    }
}
