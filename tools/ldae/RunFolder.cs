using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>The output folder of a command.</summary>
/// <param name="Path">Its path; it may not exist yet.</param>
/// <param name="HoldsRun">Whether it has a run to be resumed.</param>
internal sealed record RunFolder(string Path, bool HoldsRun)
{
    /// <summary>The file whose presence makes a folder a run: the resolved recipe.</summary>
    public const string ConfigName = RunFiles.Config;

    /// <summary>The folder of a process that writes nothing.</summary>
    public static RunFolder None { get; } = new("", HoldsRun: false);

    /// <summary>The file of the resolved recipe.</summary>
    public string ConfigPath => System.IO.Path.Combine(Path, ConfigName);

    /// <summary>The file of the algorithms of a GPU's matrix products.</summary>
    public string AlgorithmsPath => System.IO.Path.Combine(Path, RunFiles.Algorithms);

    /// <summary>The folder of <c>--out</c>, or a new one under <c>runs</c> named after the command and the time.</summary>
    /// <param name="command">The command's name.</param>
    /// <param name="path">The value of <c>--out</c>, or null.</param>
    /// <param name="resume">Whether a run in it is to be resumed.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="LdaeException">
    /// Configuration: the folder has a run or the results of another command that are not to be resumed, the path is a file, or --resume has no --out.
    /// </exception>
    public static RunFolder Choose(string command, string? path, bool resume, TimeProvider time)
    {
        if (path is null)
        {
            return resume
                ? throw new LdaeException(ErrorKind.Configuration, "--resume needs the folder of the run.", "Add --out DIR.")
                : new RunFolder(Fresh(command, time), HoldsRun: false);
        }

        if (File.Exists(path))
        {
            throw new LdaeException(ErrorKind.Configuration, $"--out {path} is a file, not a folder.", "Give --out a folder, or leave it out.");
        }

        var encoder = Array.Find([TimmFolder.ModelFile, OnnxFile.FileName], name => File.Exists(System.IO.Path.Combine(path, name)));
        var trace = TraceOf(path) ?? encoder;
        var holdsRun = trace is ConfigName or RunFiles.Checkpoints;
        if (resume && trace is not null && !holdsRun)
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"--out {path} has results of another command ({trace}), but no run to resume.", "Give --out the folder of a run.");
        }

        return trace is not null && !resume
            ? throw new LdaeException(
                ErrorKind.Configuration,
                $"--out {path} already holds {(trace == encoder ? "an encoder" : "a run")} ({trace}).",
                $"{(command is Commands.PretrainCommand.Name or Commands.TokenizerCommand.Name ? "Add --resume to continue it, or give" : "Give")} --out another folder.")
            : new RunFolder(path, holdsRun);
    }

    /// <summary>Creates the folder.</summary>
    /// <exception cref="LdaeException">Configuration: it cannot be created.</exception>
    public void Create()
    {
        try
        {
            Directory.CreateDirectory(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Configuration, $"--out {Path} cannot be made: {e.Message}", "Give --out a folder that can be written.", e);
        }
    }

    /// <summary>The first file in a folder that only a run or another command writes, or null.</summary>
    internal static string? TraceOf(string path)
    {
        if (File.Exists(System.IO.Path.Combine(path, ConfigName)))
        {
            return ConfigName;
        }

        // A run without its config.json is still a run: its checkpoints must not be taken for those of another.
        foreach (var folder in (string[])[RunFiles.Checkpoints, Reporting.RunReport.Results])
        {
            var inside = System.IO.Path.Combine(path, folder);
            if (Directory.Exists(inside) && Directory.EnumerateFileSystemEntries(inside).Any())
            {
                return folder;
            }
        }

        return File.Exists(System.IO.Path.Combine(path, RunFiles.Report)) ? RunFiles.Report : null;
    }

    private static string Fresh(string command, TimeProvider time)
    {
        var name = System.IO.Path.Combine("runs", $"{command}-{time.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}");
        var fresh = name;
        for (var i = 2; System.IO.Path.Exists(fresh); i++)
        {
            fresh = $"{name}-{i}";
        }

        return fresh;
    }
}

/// <summary>
/// Locks a run folder for one process: a second one that trained in it would delete the first one's unfinished checkpoints and write into the same logs.
/// The system releases the lock when the process ends; the empty file stays.
/// </summary>
internal sealed class RunLock : IDisposable
{
    /// <summary>The file that is locked.</summary>
    public const string FileName = ".lock";

    // The error of a lock that another process holds: EWOULDBLOCK.
    private const int Held = 11;

    private readonly FileStream _file;

    /// <summary>Takes the lock.</summary>
    /// <param name="folder">The run folder; it exists.</param>
    /// <exception cref="LdaeException">Configuration: another process has it.</exception>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    public RunLock(string folder)
    {
        try
        {
            _file = new FileStream(Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"Another process trains in --out {folder}.",
                "Wait until it has ended, or stop it, or give --out another folder; several processes share a run when mpirun starts them.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}

/// <summary>Lines for people, also kept in the run folder's <c>log.txt</c>.</summary>
internal sealed class RunLog : IDisposable
{
    private readonly RunnerOutput _output;
    private readonly StreamWriter _file;

    public RunLog(RunnerOutput output, string folder)
    {
        _output = output;
        output.ErrorLog = Path.Combine(folder, RunFiles.Log);
        _file = new StreamWriter(output.ErrorLog, append: true) { AutoFlush = true };
        if (output.CommandLine.Length > 0)
        {
            _file.WriteLine($"$ {output.CommandLine}");
        }
    }

    public void Line(string text)
    {
        _output.Line(text);
        lock (_file)
        {
            _file.WriteLine(text);
        }
    }

    public void Dispose() => _file.Dispose();
}
