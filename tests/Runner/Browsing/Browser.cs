using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LDaeCore.Tests.Cuda;

namespace LDaeCore.Tests.Runner.Browsing;

/// <summary>A headless Chromium, asked over its DevTools socket: it lays pages out, measures them, and tells what they logged.</summary>
internal sealed partial class Browser : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    private readonly TemporaryFolder _profile = new();
    private readonly Process _process;
    private readonly ClientWebSocket _socket = new();
    private readonly List<JsonElement> _events = [];
    private readonly string _session = "";
    private int _number;

    private Browser(string path)
    {
        // In a container there is neither a sandbox to be had as root, nor much of shared memory.
        _process = Process.Start(new ProcessStartInfo(
            path,
            [
                "--headless=new",
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--no-first-run",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                $"--user-data-dir={_profile.Path}",
                "about:blank"])
        {
            RedirectStandardError = true,
        })!;
        var address = new TaskCompletionSource<string>();
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text && Listening().Match(text) is { Success: true } found)
            {
                address.TrySetResult(found.Groups["address"].Value);
            }
        };
        _process.BeginErrorReadLine();
        Wait(_socket.ConnectAsync(new Uri(Wait(address.Task)), CancellationToken.None));
        var target = Ask("Target.createTarget", """{"url":"about:blank"}""").GetProperty("targetId").GetString();
        _session = Ask("Target.attachToTarget", $$"""{"targetId":"{{target}}","flatten":true}""").GetProperty("sessionId").GetString()!;
        foreach (var domain in (string[])["Page", "Runtime", "Log"])
        {
            Ask($"{domain}.enable");
        }
    }

    /// <summary>Starts one; the test is skipped, with the reason, where there is none.</summary>
    public static Browser Start()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        var path = Names.SelectMany(_ => folders, (name, folder) => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            Requirement.Missing(Requirement.Chromium, "it is not on the path (Debian: apt-get install chromium)");
        }

        return new Browser(path!);
    }

    /// <summary>Opens a page in a window of some width, light or dark.</summary>
    /// <returns>What the page logged as errors while it loaded.</returns>
    public IReadOnlyList<string> Open(string address, int width, bool dark)
    {
        Ask("Emulation.setDeviceMetricsOverride", $$"""{"width":{{width}},"height":800,"deviceScaleFactor":1,"mobile":{{(width < 500 ? "true" : "false")}}}""");
        Ask("Emulation.setEmulatedMedia", $$"""{"features":[{"name":"prefers-color-scheme","value":"{{(dark ? "dark" : "light")}}"}]}""");
        _events.Clear();
        Ask("Page.navigate", $$"""{"url":{{Quoted(address)}}}""");
        var clock = Stopwatch.StartNew();
        while (!_events.Any(e => Method(e) == "Page.loadEventFired"))
        {
            if (clock.Elapsed > Patience)
            {
                throw new TimeoutException($"{address} has not loaded after {Patience}.");
            }

            Receive();
        }

        // Whatever was logged before this answer has arrived with it.
        Evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))");
        return [.. _events.Select(Complaint).OfType<string>()];
    }

    /// <summary>The value of an expression in the page, or of the promise that it is.</summary>
    public JsonElement Evaluate(string expression)
    {
        var answer = Ask("Runtime.evaluate", $$"""{"expression":{{Quoted(expression)}},"awaitPromise":true,"returnByValue":true}""");
        return answer.TryGetProperty("exceptionDetails", out var error)
            ? throw new InvalidOperationException($"{expression} failed in the page: {error}")
            : answer.GetProperty("result").TryGetProperty("value", out var value) ? value : default;
    }

    /// <summary>A PNG of the whole page.</summary>
    public byte[] Screenshot() => Ask("Page.captureScreenshot", """{"format":"png","captureBeyondViewport":true}""").GetProperty("data").GetBytesFromBase64();

    public void Dispose()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _profile.Dispose();
    }

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";

    private static string? Method(JsonElement message) => message.TryGetProperty("method", out var method) ? method.GetString() : null;

    /// <summary>An error that a message tells of: an exception, console.error, or what the browser itself logs, as of things it may not fetch.</summary>
    private static string? Complaint(JsonElement message)
    {
        var told = Method(message) is null ? default : message.GetProperty("params");
        return Method(message) switch
        {
            "Runtime.exceptionThrown" => told.GetProperty("exceptionDetails").ToString(),
            "Runtime.consoleAPICalled" when told.GetProperty("type").GetString() == "error" => told.GetProperty("args").ToString(),
            "Log.entryAdded" when told.GetProperty("entry").GetProperty("level").GetString() == "error" => told.GetProperty("entry").GetProperty("text").ToString(),
            _ => null,
        };
    }

    private JsonElement Ask(string method, string parameters = "{}")
    {
        var id = ++_number;
        var session = _session.Length > 0 ? $",\"sessionId\":\"{_session}\"" : "";
        var message = $$"""{"id":{{id}},"method":"{{method}}","params":{{parameters}}{{session}}}""";
        Wait(_socket.SendAsync(Encoding.UTF8.GetBytes(message), WebSocketMessageType.Text, true, CancellationToken.None));
        while (true)
        {
            var answer = Receive();
            if (answer.TryGetProperty("id", out var its) && its.GetInt32() == id)
            {
                return answer.TryGetProperty("result", out var result) ? result : throw new InvalidOperationException($"{method}: {answer}");
            }
        }
    }

    private JsonElement Receive()
    {
        using var whole = new MemoryStream();
        var part = new byte[1 << 16];
        while (true)
        {
            var got = Wait(_socket.ReceiveAsync(part, CancellationToken.None));
            whole.Write(part, 0, got.Count);
            if (got.EndOfMessage)
            {
                using var json = JsonDocument.Parse(whole.ToArray());
                _events.Add(json.RootElement.Clone());
                return _events[^1];
            }
        }
    }

    private static void Wait(Task task) => task.WaitAsync(Patience).GetAwaiter().GetResult();

    private static T Wait<T>(Task<T> task) => task.WaitAsync(Patience).GetAwaiter().GetResult();

    [GeneratedRegex(@"DevTools listening on (?<address>ws://\S+)")]
    private static partial Regex Listening();
}
