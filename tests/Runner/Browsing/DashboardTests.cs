using System.Net;
using System.Net.Sockets;
using System.Text;
using LDaeCore.Runner.Dashboards;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner.Browsing;

/// <summary>The dashboard: pages of runs that renew themselves, on this machine only, and nothing else of the machine.</summary>
internal sealed class DashboardTests : FolderPerFixture
{
    private const string Png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    private readonly CancellationTokenSource _stop = new();
    private DashboardServer _server = null!;
    private Task _serving = Task.CompletedTask;
    private string _first = "", _second = "";

    [OneTimeSetUp]
    public void Serve()
    {
        (_first, _second) = (Make("first", 0.5, "{\"network\":{\"width\":64}}"), Make("second", 0.25, "{\"network\":{\"width\":128}}"));
        File.WriteAllText(Folder["secret.txt"], "the secret");
        _server = new DashboardServer(new DashboardPages([_first, _second]), 0);
        _serving = _server.RunAsync(_stop.Token);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        _stop.Cancel();
        Assert.That(_serving.Wait(10_000), Is.True, "it goes on after it was asked to stop");
        _server.Dispose();
        _stop.Dispose();
    }

    [Test]
    public void Several_runs_are_compared_and_each_has_its_page()
    {
        Assert.That(Ask("GET / HTTP/1.1"), Does.StartWith("HTTP/1.1 200 OK").And.Contain("2 runs compared").And.Contain("network.width").And.Contain("href=\"/run/2\""));

        // Runs of their own: another test lets those of the server go on.
        var runs = new DashboardPages([Make("one", 0.5, "{}"), Make("two", 0.25, "{}")]);
        var page = Encoding.UTF8.GetString(runs.Find("/")!.Value.Content);
        Assert.That(page, Does.Match("last loss</td><td class=\"number\">0.5</td><td class=\"number\">0.25<"));
        Assert.That(page, Does.Contain("class=\"s0\"").And.Contain("class=\"s1\""), "both curves");
        Assert.That(Ask("GET /run/1 HTTP/1.1"), Does.StartWith("HTTP/1.1 200 OK").And.Contain("l-DAE pretraining: first"));
        Assert.That(Ask("GET /dashboard.js HTTP/1.1"), Does.StartWith("HTTP/1.1 200 OK").And.Contain("text/javascript"));
    }

    [TestCase("GET /../secret.txt HTTP/1.1", 404)]
    [TestCase("GET /run/../../secret.txt HTTP/1.1", 404)]
    [TestCase("GET /%2e%2e/secret.txt HTTP/1.1", 404)]
    [TestCase("GET /run/1/../../secret.txt HTTP/1.1", 404)]
    [TestCase("GET //etc/passwd HTTP/1.1", 404)]
    [TestCase("GET /etc/passwd HTTP/1.1", 404)]
    [TestCase("GET file:///etc/passwd HTTP/1.1", 404)]
    [TestCase("GET /run/0 HTTP/1.1", 404)]
    [TestCase("GET /run/3 HTTP/1.1", 404)]
    [TestCase("GET /run/01 HTTP/1.1", 404)]
    [TestCase("GET /config.json HTTP/1.1", 404)]
    [TestCase("GET /run/1\\..\\secret.txt HTTP/1.1", 404)]
    [TestCase("POST / HTTP/1.1", 405)]
    [TestCase("nonsense", 400)]
    public void Nothing_else_is_served(string request, int status)
    {
        var answer = Ask(request);
        Assert.That(answer, Does.StartWith($"HTTP/1.1 {status} "));
        Assert.That(answer, Does.Not.Contain("the secret").And.Not.Contain("root:"));
    }

    [TestCase("evil.example")]
    [TestCase("evil.example:80")]
    [TestCase("127.0.0.1.evil.example")]
    public void Who_names_another_host_is_refused(string host) => Assert.That(Ask("GET / HTTP/1.1", host), Does.StartWith("HTTP/1.1 403 "));

    [Test]
    public void A_link_out_of_the_run_is_not_followed_and_the_picture_beside_it_is_shown()
    {
        var run = Make("linked", 1, "{}");
        var pictures = Directory.CreateDirectory(Path.Combine(run, "pictures")).FullName;
        File.WriteAllBytes(Path.Combine(pictures, "inside.png"), Convert.FromBase64String(Png));
        var outside = Folder.Write("elsewhere/outside.png", Convert.FromBase64String(Png));
        File.CreateSymbolicLink(Path.Combine(pictures, "a-link.png"), outside);
        Directory.CreateSymbolicLink(Path.Combine(run, "results"), Path.GetDirectoryName(Folder.Write("foreign/foreign.json", "{\"top1\": 12.25}"u8.ToArray()))!);
        File.WriteAllText(Path.Combine(pictures, "faked.png"), "the secret");
        var page = Encoding.UTF8.GetString(new DashboardPages([run]).Find("/")!.Value.Content);
        Assert.That(page, Does.Contain("inside").And.Not.Contain("a link").And.Not.Contain("12.25").And.Not.Contain("faked"));
    }

    [Test]
    public void A_page_changes_its_tag_when_the_run_goes_on_and_only_then()
    {
        var run = Make("growing", 1, "{}");
        var pages = new DashboardPages([run]);
        var before = pages.Find("/")!.Value;
        Assert.That(pages.Find("/")!.Value.Tag, Is.EqualTo(before.Tag));
        File.AppendAllText(Path.Combine(run, "metrics.jsonl"), "{\"step\":30,\"loss\":0.125}\n{\"step\":31,\"lo");
        var after = pages.Find("/")!.Value;
        Assert.That(after.Tag, Is.Not.EqualTo(before.Tag));
        Assert.That(Encoding.UTF8.GetString(after.Content), Does.Contain("<td class=\"number\">0.125</td>"));
    }

    [Test]
    public void A_page_that_has_not_changed_is_not_sent_again()
    {
        var tag = Ask("GET / HTTP/1.1").Split("ETag: ")[1].Split("\r\n")[0];
        Assert.That(Ask($"GET / HTTP/1.1\r\nIf-None-Match: {tag}"), Does.StartWith("HTTP/1.1 304 "));
        Assert.That(Ask("GET / HTTP/1.1\r\nIf-None-Match: \"another\""), Does.StartWith("HTTP/1.1 200 "));
    }

    [Test]
    public void A_request_without_end_is_cut_off() => Assert.That(Ask("GET / HTTP/1.1\r\nX: " + new string('x', 20_000)), Does.StartWith("HTTP/1.1 431 "));

    [Test]
    public void A_folder_without_a_run_and_a_taken_port_are_refused_with_the_remedy()
    {
        var empty = Directory.CreateDirectory(Folder["empty"]).FullName;
        foreach (var (arguments, code, named) in ((string[], int, string)[])
            [
                ([_first, empty], 3, "holds no run"), (["/nowhere"], 3, "is not a folder"), ([_first, "--port", $"{_server.Port}"], 2, "cannot be listened on"),
                ([_first, "--port", "70000"], 2, "70000"), ([], 2, "RUN")])
        {
            var refused = CommandLine.Run(["dashboard", .. arguments, "--json"]);
            Assert.That(refused.ExitCode, Is.EqualTo(code), refused.Human);
            Assert.That(refused.Error("message"), Does.Contain(named));
            Assert.That(refused.Error("remedy"), Is.Not.Empty);
        }
    }

    [TestCase("INT")]
    [TestCase("TERM")]
    public void Being_asked_to_stop_is_how_it_ends_well(string signal)
    {
        var port = FreePort();
        using var process = RunnerProcess.Start("dashboard", _first, "--port", $"{port}");
        Assert.That(SpinWait.SpinUntil(() => Answers(port), TimeSpan.FromSeconds(60)), Is.True);
        RunnerProcess.Signal(process, signal);
        Assert.That(process.WaitForExit(30_000), Is.True, "it goes on");
        Assert.That(process.ExitCode, Is.Zero);
    }

    [Test]
    public void In_a_browser_a_page_renews_itself_and_nothing_overflows_or_complains()
    {
        using var browser = Browser.Start();
        foreach (var width in (int[])[360, 1280])
        {
            var complaints = browser.Open(_server.Address, width, dark: width == 360);
            var (faults, _, figures, charts, _) = PageLayout.Of(browser);
            Assert.That(complaints, Is.Empty, string.Join('\n', complaints));
            Assert.That(faults, Is.Empty, string.Join('\n', faults));
            Assert.That((figures, charts), Is.EqualTo((2, 2)), "loss and learning rate");
        }

        File.AppendAllText(Path.Combine(_second, "metrics.jsonl"), "{\"step\":40,\"loss\":0.0625,\"lr\":0.001}\n");
        Assert.That(
            SpinWait.SpinUntil(() => browser.Evaluate("document.body.textContent.includes('0.0625')").GetBoolean(), TimeSpan.FromSeconds(30)), Is.True, "it does not renew itself");
    }

    private string Make(string name, double loss, string config)
    {
        Folder.Write($"{name}/config.json", Encoding.UTF8.GetBytes(config));
        var lines = Enumerable.Range(1, 20).Select(step => FormattableString.Invariant($"{{\"step\":{step},\"loss\":{loss + ((20 - step) / 20.0)},\"lr\":0.001}}"));
        return Path.GetDirectoryName(Folder.Write($"{name}/metrics.jsonl", Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n")))!;
    }

    private string Ask(string request, string? host = null)
    {
        using var client = new TcpClient();
        client.Connect(IPAddress.Loopback, _server.Port);
        var stream = client.GetStream();
        var lines = request.Split("\r\n", 2);
        stream.Write(Encoding.Latin1.GetBytes($"{lines[0]}\r\nHost: {host ?? $"127.0.0.1:{_server.Port}"}\r\n{(lines.Length > 1 ? lines[1] + "\r\n" : "")}\r\n"));
        using var answer = new MemoryStream();
        try
        {
            stream.CopyTo(answer);
        }
        catch (IOException)
        {
            // What it had not read when it closed resets the connection, after its answer.
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static bool Answers(int port)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            Thread.Sleep(50);
            return false;
        }
    }
}
