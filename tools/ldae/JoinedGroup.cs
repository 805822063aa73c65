using System.Text;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>The processes that do one command together. Rank 0 reads the command line's paths, writes and speaks; the others learn from it what to do.</summary>
internal sealed class JoinedGroup : IDisposable
{
    private const string Cuda = "cuda";

    private readonly Launch _launch;

    private JoinedGroup(Launch launch, ICommunicator processes) => (_launch, Processes) = (launch, processes);

    /// <summary>The processes.</summary>
    public ICommunicator Processes { get; }

    /// <summary>Joins the others.</summary>
    /// <param name="command">The command's name.</param>
    /// <param name="context">Says how the process was started, and where errors go.</param>
    public static JoinedGroup Join(string command, RunnerContext context)
    {
        var group = ProcessGroup.Join(context.Launch, End, context.Output.Line, context.Cancellation);
        if (group.Size > 1)
        {
            context.Output.Line($"{group.Size} processes, {group.Name}");
        }

        return new JoinedGroup(context.Launch, group);

        // A call to the others may never return: whoever waits in it is ended from here.
        void End(ProcessFault fault)
        {
            var (message, remedy) = Split(fault.Message);
            if (fault.IsGone)
            {
                context.Output.Fail(command, new LdaeException(ErrorKind.Run, message, command == Commands.PretrainCommand.Name
                    ? "Start the run again with --resume: it goes on from its last checkpoint, with any number of processes."
                    : $"Start ldae {command} again, with any number of processes."));
            }
            else if (context.Launch.Rank == 0 && fault.Code != ExitCodes.Interrupted)
            {
                context.Output.Fail(command, new LdaeException((ErrorKind)fault.Code, $"Rank {fault.Rank}: {message}", remedy));
            }

            Environment.Exit(fault.Code);
        }
    }

    /// <summary>Does this process's part, and sees to it that the others end when it fails.</summary>
    public CommandResult Run(Func<CommandResult> work)
    {
        try
        {
            var result = work();
            Processes.Leave();
            return result;
        }
        catch (Exception error)
        {
            Abort(error);
            throw;
        }
    }

    /// <summary>Lets the others end; they wait for what rank 0 still has to write.</summary>
    public void Abort(Exception error) =>
        Processes.Abort(ExitCodes.Of(error), error is LdaeException known ? $"{known.Message}\n{known.Remedy}" : $"{error.GetType().Name}: {error.Message}\n");

    /// <summary>Rank 0 tells the others what to train, on what and where; what the others give is not asked for.</summary>
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

    /// <summary>The name of this process's device: each takes a GPU of its own.</summary>
    /// <param name="name">What <c>--device</c> says, or the kind that rank 0 has chosen.</param>
    public string DeviceName(string name) =>
        Processes.Size > 1 && name.Split(':')[0] == Cuda && !name.Contains(':', StringComparison.Ordinal) ? $"{Cuda}:{_launch.LocalRank}" : name;

    /// <summary>The processes with their devices: GPUs have a way of their own.</summary>
    /// <param name="device">This process's device.</param>
    public ICommunicator With(IBackend device) => device is CudaBackend cuda && Processes.Size > 1 ? new NcclCommunicator(Processes, cuda) : Processes;

    /// <summary>Threads for this process: its share of the machine's, where nobody asks for another number and mpirun has not given it cores of its own.</summary>
    public int? Threads(int? asked) =>
        asked is null && _launch.LocalSize > 1 && !HasCoresOfItsOwn ? Math.Max(1, Environment.ProcessorCount / _launch.LocalSize) : asked;

    /// <summary>Memory that a run on the processor may plan for, bytes: this process's share of the machine's.</summary>
    public long MemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / _launch.LocalSize;

    /// <inheritdoc/>
    public void Dispose() => Processes.Dispose();

    private static bool HasCoresOfItsOwn
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

    private static (string Message, string Remedy) Split(string text) => text.LastIndexOf('\n') is var at and >= 0 ? (text[..at], text[(at + 1)..]) : (text, "");
}
