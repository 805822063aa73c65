using System.Globalization;
using Spectre.Console;

namespace LDaeCore.Runner;

/// <summary>Progress on a terminal: one line with a bar, drawn over itself at most ten times a second.</summary>
internal sealed class TerminalProgress : IProgressView
{
    private const int BarCells = 24;
    private const string EraseLine = "\r\u001b[2K";

    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    private readonly IAnsiConsole _console;
    private readonly TextWriter _writer;
    private readonly TimeProvider _time;
    private long? _drawn;
    private bool _isShown;

    public TerminalProgress(TextWriter writer, TimeProvider time)
    {
        _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        _writer = writer;
        _time = time;
    }

    public void Report(long step, long totalSteps, double loss, double imagesPerSecond, TimeSpan eta)
    {
        if (_drawn is { } drawn && step < totalSteps && _time.GetElapsedTime(drawn) < Period)
        {
            return;
        }

        _drawn = _time.GetTimestamp();
        Clear();
        var text = ProgressLine.Format(step, totalSteps, loss, imagesPerSecond, eta);
        var filled = (int)Math.Clamp(BarCells * step / Math.Max(1, totalSteps), 0, BarCells);
        if (_console.Profile.Width > BarCells + 1 + text.Length)
        {
            _console.Markup($"[green]{new string('━', filled)}[/][grey]{new string('━', BarCells - filled)}[/] ");
        }

        // A line longer than the terminal would wrap, and could not be erased.
        _console.Write(new Text(text[..Math.Min(text.Length, Math.Max(1, _console.Profile.Width - 1))]));
        _isShown = true;
    }

    public void Clear()
    {
        if (_isShown)
        {
            _writer.Write(EraseLine);
            _isShown = false;
        }
    }

    public void Dispose()
    {
        if (_isShown)
        {
            _writer.WriteLine();
            _isShown = false;
        }
    }
}

/// <summary>Progress where the output is not a terminal: a line for the first and the last step, and every few seconds.</summary>
internal sealed class PlainProgress(TextWriter writer, TimeProvider time, TimeSpan period) : IProgressView
{
    private long? _last;

    public void Report(long step, long totalSteps, double loss, double imagesPerSecond, TimeSpan eta)
    {
        if (_last is { } last && step < totalSteps && time.GetElapsedTime(last) < period)
        {
            return;
        }

        _last = time.GetTimestamp();
        writer.WriteLine(ProgressLine.Format(step, totalSteps, loss, imagesPerSecond, eta));
    }

    public void Clear()
    {
    }

    public void Dispose()
    {
    }
}

/// <summary>The text of both views.</summary>
internal static class ProgressLine
{
    public static string Format(long step, long totalSteps, double loss, double imagesPerSecond, TimeSpan eta) => string.Create(
        CultureInfo.InvariantCulture,
        $"step {step}/{totalSteps}  loss {loss:G5}  {imagesPerSecond:F0} img/s  eta {Math.Floor(eta.TotalHours):F0}:{eta.Minutes:D2}:{eta.Seconds:D2}");
}

/// <summary>Shows how far a run is. Disposing it leaves the last state on the screen.</summary>
internal interface IProgressView : IDisposable
{
    /// <summary>The state after a step; may be called for every step.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    /// <param name="loss">The step's loss, averaged over the global batch.</param>
    /// <param name="imagesPerSecond">Speed.</param>
    /// <param name="eta">Time left.</param>
    void Report(long step, long totalSteps, double loss, double imagesPerSecond, TimeSpan eta);

    /// <summary>Erases the live line before other output.</summary>
    void Clear();
}
