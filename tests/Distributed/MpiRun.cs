using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Cuda;
using LDaeCore.Tests.Model.Training;
using LDaeCore.Tests.Runner;
using NUnit.Framework;

namespace LDaeCore.Tests.Distributed;

/// <summary>A toy run of several processes of their own, that mpirun started or that were told where to meet.</summary>
internal sealed class MpiRun : IDisposable
{
    private const string Mark = "LDAE_TEST_RUN";

    private readonly string _mark = Guid.NewGuid().ToString("N");
    private readonly List<Process> _started = [];
    private readonly StringBuilder _output = new(), _errors = new();

    private MpiRun()
    {
    }

    /// <summary>What all processes wrote for people.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Skips a test where there is no mpirun.</summary>
    public static void Require()
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "mpirun"))))
        {
            Requirement.Missing(Requirement.Mpi, "mpirun is not on the path; Debian's openmpi-bin has it");
        }
    }

    /// <summary>Starts a run by mpirun.</summary>
    public static MpiRun Start(int processes, string folder, params string[] more) => StartCommand("pretrain", processes, folder, more);

    /// <summary>Starts a command by mpirun.</summary>
    public static MpiRun StartCommand(string command, int processes, string folder, params string[] more)
    {
        var run = new MpiRun();
        string[] mpirun = ["--oversubscribe", "-n", processes.ToString(CultureInfo.InvariantCulture), "--mca", "btl_vader_single_copy_mechanism", "none", "-x", Mark];
        run.Start("mpirun", [.. mpirun, .. Runner(command, folder, more)], new() { ["OMPI_ALLOW_RUN_AS_ROOT"] = "1", ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1" });
        return run;
    }

    /// <summary>Starts processes that were told where to meet.</summary>
    public static MpiRun StartByHand(int processes, string folder, params string[] more) => StartByHand(Enumerable.Repeat("/", processes).ToArray(), folder, more);

    /// <summary>Starts processes that were told where to meet, all with a variable of their environment.</summary>
    public static MpiRun StartByHand(int processes, string folder, (string Name, string Value) variable, params string[] more) =>
        StartByHand(Enumerable.Repeat("/", processes).ToArray(), folder, _ => more, variable);

    /// <summary>Starts processes that were told where to meet, each in a folder of its own.</summary>
    public static MpiRun StartByHand(string[] places, string folder, params string[] more) => StartByHand(places, folder, _ => more);

    /// <summary>Starts processes that were told where to meet, each in a folder of its own and with words of its own.</summary>
    public static MpiRun StartByHand(string[] places, string folder, Func<int, string[]> more, params (string Name, string Value)[] variables)
    {
        var processes = places.Length;
        var run = new MpiRun();
        var port = ThreadGroup.FreePort().ToString(CultureInfo.InvariantCulture);
        for (var rank = 0; rank < processes; rank++)
        {
            var number = rank.ToString(CultureInfo.InvariantCulture);
            var command = Runner("pretrain", folder, more(rank));
            Dictionary<string, string> environment = new()
            {
                ["RANK"] = number,
                ["LOCAL_RANK"] = number,
                ["WORLD_SIZE"] = processes.ToString(CultureInfo.InvariantCulture),
                ["MASTER_ADDR"] = "127.0.0.1",
                ["MASTER_PORT"] = port,
            };
            foreach (var (name, value) in variables)
            {
                environment[name] = value;
            }

            run.Start(command[0], command[1..], environment, places[rank]);
        }

        return run;
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>Exit codes of what was started.</returns>
    public int[] Wait(TimeSpan patience)
    {
        var end = Stopwatch.GetTimestamp();
        foreach (var process in _started)
        {
            var left = patience - Stopwatch.GetElapsedTime(end);
            Assert.That(process.WaitForExit(left > TimeSpan.Zero ? left : TimeSpan.Zero), Is.True, $"it goes on and on\n{Errors}");
            process.WaitForExit();
        }

        return [.. _started.Select(process => process.ExitCode)];
    }

    /// <summary>The result object, the only line of standard output.</summary>
    public JsonElement Result
    {
        get
        {
            lock (_output)
            {
                return JsonDocument.Parse(_output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Single().TrimEnd('\r')).RootElement;
            }
        }
    }

    /// <summary>Kills one of the processes, without a chance to say anything.</summary>
    public void Kill(int rank) => WithProcess(rank, process => process.Kill());

    /// <summary>Asks one of the processes to stop.</summary>
    public void Terminate(int rank) => WithProcess(rank, process => RunnerProcess.Signal(process, "TERM"));

    /// <summary>Lets one of the processes stand still; it is ended with the others.</summary>
    public void Halt(int rank) => WithProcess(rank, process => RunnerProcess.Signal(process, "STOP"));

    /// <summary>Lets it go on.</summary>
    public void Wake(int rank) => WithProcess(rank, process => RunnerProcess.Signal(process, "CONT"));

    /// <summary>Whether one of the processes is there.</summary>
    public bool Has(int rank) => Find(rank) is not null;

    private void WithProcess(int rank, Action<Process> action)
    {
        if (Find(rank) is { } id)
        {
            using var process = Process.GetProcessById(id);
            action(process);
            return;
        }

        Assert.Fail($"There is no rank {rank}.\n{Errors}");
    }

    private int? Find(int rank)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(f => int.TryParse(Path.GetFileName(f), out _)))
        {
            var variables = Variables(folder);
            if (variables.Contains($"{Mark}={_mark}") && (variables.Contains($"OMPI_COMM_WORLD_RANK={rank}") || variables.Contains($"RANK={rank}")))
            {
                return int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture);
            }
        }

        return null;
    }

    /// <summary>The loss of each step.</summary>
    public static double[] Losses(string folder) =>
        [.. File.ReadLines(Path.Combine(folder, RunFiles.Metrics)).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("loss").GetDouble())];

    public void Dispose()
    {
        foreach (var process in _started)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }

            process.Dispose();
        }
    }

    private static string[] Runner(string command, string folder, string[] more) =>
    [
        Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"), typeof(LDaeCore.Runner.Program).Assembly.Location,
        command, "--out", folder, "--json", "--threads", "1", .. more,
    ];

    /// <summary>How a toy run begins.</summary>
    public static string[] Toys(params string[] settings) =>
        [
            "--preset", "demo", "--data", "synthetic:40", "--device", "cpu",
            .. Toy.Settings.Append("train.ema=0.9").Append("train.checkpointEvery=0").Concat(settings).SelectMany(s => new[] { "--set", s })];

    private static string[] Variables(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "environ")).Split('\0');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile, or belongs to another user.
            return [];
        }
    }

    private void Start(string file, string[] arguments, Dictionary<string, string> environment, string place = "")
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = place };
        start.Environment[Mark] = _mark;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_errors, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _started.Add(process);
    }

    private static void Append(StringBuilder to, string? line)
    {
        lock (to)
        {
            to.Append(line).Append('\n');
        }
    }
}
