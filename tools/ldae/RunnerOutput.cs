using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner;

/// <summary>
/// A command's output: text for people goes to standard error; with <c>--json</c> the only line of standard output is the result object.
/// </summary>
internal sealed class RunnerOutput(TextWriter result, TextWriter human, bool json, bool verbose, bool isTerminal, TimeProvider time)
{
    private static readonly TimeSpan PlainPeriod = TimeSpan.FromSeconds(10);

    private IProgressView? _progress;

    /// <summary>The command line, as it can be typed again; or empty.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>This process's number where a command has several; all but rank 0 print errors only.</summary>
    public int Rank { get; init; }

    /// <summary>A file that errors are appended to as well: the log of the run they end; or null.</summary>
    public string? ErrorLog { get; set; }

    /// <summary>Writes a line for people.</summary>
    public void Line(string text = "")
    {
        if (Rank > 0)
        {
            return;
        }

        _progress?.Clear();
        human.WriteLine(text);
    }

    /// <summary>Starts a progress view: a live line on a terminal, periodic lines elsewhere.</summary>
    /// <returns>The view; one at a time, disposed when the run ends.</returns>
    public IProgressView StartProgress()
    {
        _progress?.Dispose();
        return _progress = isTerminal ? new TerminalProgress(human, time) : new PlainProgress(human, time, PlainPeriod);
    }

    /// <summary>Ends the command with its result.</summary>
    /// <returns>The exit code.</returns>
    public int Finish(CommandResult found)
    {
        EndProgress();
        WriteResult(found);
        return found.ExitCode;
    }

    /// <summary>Ends the command with an error: one message and its remedy, and the stack trace with <c>--verbose</c>.</summary>
    /// <returns>The exit code.</returns>
    public int Fail(string? command, Exception error)
    {
        EndProgress();
        if (Rank > 0 && error is ProcessFaultException { Fault.IsGone: false })
        {
            // The process at fault and rank 0 print it.
            return ExitCodes.Of(error);
        }

        var (message, remedy) = Describe(error);
        var lines = $"{(Rank > 0 ? $"rank {Rank}: " : "")}error: {message}{Environment.NewLine}  {remedy}";
        human.WriteLine(lines);
        Log(lines);
        if (verbose)
        {
            human.WriteLine(error.ToString());
        }

        WriteResult(CommandResult.OfError(command, ExitCodes.KindOf(error), message, remedy));
        return ExitCodes.Of(error);
    }

    /// <summary>Message and remedy of an error.</summary>
    public static (string Message, string Remedy) Describe(Exception error) => error switch
    {
        ProcessFaultException { Fault: { IsGone: true } fault } =>
            (fault.Message, "Start the command again, with any number of processes; pretrain continues from its last checkpoint with --resume."),
        ProcessFaultException { Fault: var fault } => ($"Rank {fault.Rank}: {fault.Message}", fault.Remedy),
        LdaeException known => (known.Message, known.Remedy),
        OperationCanceledException => ("The command was interrupted.", "Run it again; pretrain continues from its last checkpoint with --resume."),
        IOException or UnauthorizedAccessException =>
            (error.Message, "Free disk space, or give readable folders and a writable --out; finished checkpoints are intact."),
        OutOfMemoryException => ("There is not enough memory for this.", "Free memory, or choose smaller images, a smaller network or a smaller batch."),
        _ => ($"{error.GetType().Name}: {error.Message}", "This is a defect: please report it, with the trace that --verbose prints."),
    };

    private void Log(string lines)
    {
        try
        {
            if (ErrorLog is { } path)
            {
                File.AppendAllLines(path, [lines]);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error itself may be that the disk cannot be written.
        }
    }

    private void EndProgress()
    {
        _progress?.Dispose();
        _progress = null;
    }

    private void WriteResult(CommandResult found)
    {
        human.Flush();
        if (json && Rank == 0)
        {
            result.WriteLine(found.ToJson());
            result.Flush();
        }
    }
}
