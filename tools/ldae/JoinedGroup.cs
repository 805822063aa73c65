using System.Text;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Distributed;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>The processes of one command. Rank 0 reads the command line's paths, writes and prints; the others receive from it what to do.</summary>
internal sealed class JoinedGroup : IDisposable
{
    private const string Cuda = "cuda";

    // Longer than a step between two calls of the group usually takes.
    private static readonly TimeSpan UnwindTimeout = TimeSpan.FromSeconds(30);

    private readonly string _command;
    private readonly RunnerContext _context;

    private JoinedGroup(string command, RunnerContext context, ICommunicator processes) => (_command, _context, Processes) = (command, context, processes);

    /// <summary>The processes.</summary>
    public ICommunicator Processes { get; }

    /// <summary>Joins the other processes.</summary>
    /// <param name="command">The command's name.</param>
    /// <param name="context">How the process was started, and its output.</param>
    public static JoinedGroup Join(string command, RunnerContext context)
    {
        var processes = ProcessGroup.Join(context.Launch, context.Output.Line, context.Cancellation);
        if (processes.Size > 1)
        {
            context.Output.Line($"{processes.Size} processes, {processes.Name}");
        }

        return new JoinedGroup(command, context, processes);
    }

    /// <summary>Runs this process's part; when it fails, the others end as well.</summary>
    /// <param name="work">The part; its context is cancelled when another process fails.</param>
    /// <exception cref="ProcessFaultException">Another process has failed.</exception>
    public CommandResult Run(Func<RunnerContext, CommandResult> work)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(_context.Cancellation, Processes.Faulted);

        // A thread that waits in a driver's call, or computes for long, does not see the fault.
        using var unwind = new Timer(_ => Environment.Exit(_context.Output.Fail(_command, new ProcessFaultException(Processes.Fault!))));
        using var onFault = Processes.Faulted.Register(() => unwind.Change(UnwindTimeout, Timeout.InfiniteTimeSpan));
        try
        {
            var result = work(_context with { Cancellation = stop.Token });
            Processes.Leave();
            return result;
        }
        catch (Exception error)
        {
            Abort(error);
            throw;
        }
    }

    /// <summary>Reports a failure to the other processes; those wait until rank 0 has ended.</summary>
    /// <exception cref="ProcessFaultException">Another process has failed before.</exception>
    public void Abort(Exception error)
    {
        var (message, remedy) = RunnerOutput.Describe(error);
        if (error is not ProcessFaultException && Processes.Abort(ExitCodes.Of(error), message, remedy) is { } first)
        {
            throw new ProcessFaultException(first);
        }
    }

    /// <summary>Sends recipe, images and kind of device from rank 0 to the others, whose function is not called.</summary>
    public (Recipe Recipe, string Data, string Device) Tell(Func<(Recipe Recipe, string Data, string Device)> known)
    {
        if (Processes.Size == 1)
        {
            return known();
        }

        byte[] said = [];
        if (Processes.Rank == 0)
        {
            var (recipe, data, device) = known();
            said = Encoding.UTF8.GetBytes(string.Join('\0', RecipeJson.Write(recipe), data, device));
        }

        var parts = Encoding.UTF8.GetString(Processes.Broadcast(said)).Split('\0');
        return (RecipeJson.Read(parts[0], "rank 0's recipe").Resolve(), parts[1], parts[2]);
    }

    /// <summary>The name of this process's device: the GPU of its local rank.</summary>
    /// <param name="name">The value of <c>--device</c>, or the kind that rank 0 has chosen.</param>
    public string DeviceName(string name) =>
        Processes.Size > 1 && name.Split(':')[0] == Cuda && !name.Contains(':', StringComparison.Ordinal) ? $"{Cuda}:{_context.Launch.LocalRank}" : name;

    /// <summary>The group for tensors of a device: NCCL for GPUs.</summary>
    /// <param name="device">This process's device.</param>
    public ICommunicator With(IBackend device) => device is CudaBackend cuda && Processes.Size > 1 ? new NcclCommunicator(Processes, cuda) : Processes;

    /// <summary>Threads for this process: the given number, else its share of the machine's cores unless mpirun has bound it to some.</summary>
    public int? Threads(int? asked) =>
        asked is null && _context.Launch.LocalSize > 1 && !IsBoundToCores ? Math.Max(1, Environment.ProcessorCount / _context.Launch.LocalSize) : asked;

    /// <summary>This process's share of the machine's memory, bytes.</summary>
    public long MemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / _context.Launch.LocalSize;

    /// <inheritdoc/>
    public void Dispose() => Processes.Dispose();

    private static bool IsBoundToCores
    {
        get
        {
            const string allowed = "/proc/self/status", online = "/sys/devices/system/cpu/online", label = "Cpus_allowed_list:";
            var line = File.Exists(allowed) && File.Exists(online) ? File.ReadLines(allowed).FirstOrDefault(l => l.StartsWith(label, StringComparison.Ordinal)) : null;
            return line is not null && Count(line[label.Length..]) < Count(File.ReadAllText(online));
        }
    }

    /// <summary>Number of processors in a list such as 0-3,8.</summary>
    private static int Count(string list) => list.Trim().Split(',').Sum(part =>
    {
        var ends = part.Split('-');
        return int.TryParse(ends[0], out var first) && int.TryParse(ends[^1], out var last) ? last - first + 1 : 0;
    });
}
