using LDaeCore.Engine.Errors;
using LDaeCore.Runner;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

internal sealed class OutputTests
{
    private readonly StringWriter _result = new(), _human = new();

    [TearDown]
    public void Forget()
    {
        _result.GetStringBuilder().Clear();
        _human.GetStringBuilder().Clear();
    }

    [OneTimeTearDown]
    public void Close()
    {
        _result.Dispose();
        _human.Dispose();
    }

    [Test]
    public void Values_keep_their_order_and_kind_on_one_line()
    {
        var found = new CommandResult()
            .Add("b", "it's").Add("a", 3L).Add("share", 0.5).Add("nan", double.NaN).Add("yes", true)
            .Add("list", ["x", "y"]).Add("steps", [new CommandResult().Add("name", "z")]).Add("none", (string?)null);
        Assert.That(found.ToJson(), Is.EqualTo("""{"b":"it's","a":3,"share":0.5,"nan":null,"yes":true,"list":["x","y"],"steps":[{"name":"z"}],"none":null}"""));
    }

    [Test]
    public void A_name_is_given_once() => Assert.That(() => new CommandResult().Add("a", 1L).Add("a", 2L), Throws.ArgumentException);

    [Test]
    public void A_result_says_its_own_exit_code()
    {
        Assert.That(Output(json: true).Finish(new CommandResult { ExitCode = ExitCodes.Interrupted }.Add("command", "pretrain")), Is.EqualTo(130));
        Assert.That(_result.ToString(), Is.EqualTo("{\"command\":\"pretrain\"}" + Environment.NewLine));
    }

    [TestCase(ErrorKind.Run, 1, "run")]
    [TestCase(ErrorKind.Configuration, 2, "configuration")]
    [TestCase(ErrorKind.Data, 3, "data")]
    [TestCase(ErrorKind.Device, 4, "device")]
    public void Each_kind_of_error_is_one_exit_code(ErrorKind kind, int code, string name)
    {
        var error = new LdaeException(kind, "what", "how");
        Assert.That(Output(json: true).Fail("probe", error), Is.EqualTo(code));
        Assert.That(_result.ToString().TrimEnd(), Is.EqualTo($$$"""{"command":"probe","error":{"kind":"{{{name}}}","message":"what","remedy":"how"}}"""));
    }

    [Test]
    public void An_interruption_is_130_and_a_defect_is_1()
    {
        Assert.That(Output(json: false).Fail("demo", new OperationCanceledException()), Is.EqualTo(130));
        Assert.That(Output(json: false).Fail("demo", new InvalidOperationException("odd")), Is.EqualTo(1));
        Assert.That(_human.ToString(), Does.Contain("odd").And.Contain("--verbose"));
        Assert.That(_result.ToString(), Is.Empty);
    }

    [Test]
    public void Redirected_progress_is_a_line_first_last_and_every_ten_seconds()
    {
        var clock = new MovingClock();
        using (var progress = Output(json: false, time: clock).StartProgress())
        {
            for (var step = 1; step <= 25; step++)
            {
                progress.Report(step, 25, 0.123456, 987.6, TimeSpan.FromSeconds(3725));
                clock.Seconds++;
            }
        }

        Assert.That(
            _human.ToString().TrimEnd().Split(Environment.NewLine), Is.EqualTo(new[] { 1, 11, 21, 25 }.Select(step => $"step {step}/25  loss 0.12346  988 img/s  eta 1:02:05")));
    }

    [Test]
    public void Progress_on_a_terminal_is_drawn_over_itself_and_gives_way_to_lines()
    {
        var clock = new MovingClock();
        var output = Output(json: false, isTerminal: true, time: clock);
        var progress = output.StartProgress();
        progress.Report(1, 4, 1, 10, TimeSpan.Zero);
        progress.Report(2, 4, 1, 10, TimeSpan.Zero);
        clock.Seconds++;
        progress.Report(3, 4, 1, 10, TimeSpan.Zero);
        output.Line("a line");
        progress.Report(4, 4, 1, 10, TimeSpan.Zero);
        output.Finish(new CommandResult());

        const string erase = "\r\u001b[2K";
        var drawn = _human.ToString();
        Assert.Multiple(() =>
        {
            Assert.That(drawn.Split(erase), Has.Length.EqualTo(3), "erased once to redraw, once for the line");
            Assert.That(drawn, Does.Contain("step 1/4").And.Not.Contain("step 2/4").And.Contain($"{erase}a line{Environment.NewLine}"));
            Assert.That(drawn, Does.EndWith(Environment.NewLine));
            Assert.That(drawn.Split(Environment.NewLine)[^2], Does.Contain("step 4/4"));
        });
    }

    private RunnerOutput Output(bool json, bool isTerminal = false, TimeProvider? time = null) =>
        new(_result, _human, json, verbose: false, isTerminal, time ?? TimeProvider.System);

    private sealed class MovingClock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
