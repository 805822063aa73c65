using System.Globalization;
using System.Net;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Distributed;

/// <summary>How the processes of a run find each other.</summary>
public enum LaunchWay
{
    /// <summary>There is one process only.</summary>
    Alone,

    /// <summary>By Open MPI.</summary>
    Mpi,

    /// <summary>By rank 0's address, which all were given.</summary>
    Tcp,
}

/// <summary>
/// Rank and number of processes, from the environment variables of their launcher: mpirun (OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK,
/// _LOCAL_SIZE), srun (SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID), or torchrun (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR,
/// MASTER_PORT), whose variables may also be set by hand. Without any of them the process is alone.
/// </summary>
/// <param name="Way">How the processes find each other.</param>
/// <param name="By">The launcher's name, for people.</param>
/// <param name="Rank">This process's number.</param>
/// <param name="Size">Number of processes.</param>
/// <param name="LocalRank">This process's number among those of its machine.</param>
/// <param name="LocalSize">Number of processes on this machine; 1 where it is unknown.</param>
public sealed record Launch(LaunchWay Way, string By, int Rank, int Size, int LocalRank, int LocalSize)
{
    private const string Mpirun = "mpirun", Srun = "srun", Torchrun = "torchrun";
    private const string OmpiRank = "OMPI_COMM_WORLD_RANK", OmpiSize = "OMPI_COMM_WORLD_SIZE";
    private const string SlurmRank = "SLURM_PROCID", SlurmSize = "SLURM_STEP_NUM_TASKS";
    private const string TorchRank = "RANK", TorchSize = "WORLD_SIZE", TorchLocal = "LOCAL_RANK", Address = "MASTER_ADDR", Port = "MASTER_PORT";

    // Far more than rank 0 could serve: a larger number is a mistake, and must not allocate a list of that length.
    private const int MaxProcesses = 1 << 16;

    /// <summary>A process by itself.</summary>
    public static Launch Alone { get; } = new(LaunchWay.Alone, "the user", 0, 1, 0, 1);

    /// <summary>Rank 0's address; empty except for <see cref="LaunchWay.Tcp"/>.</summary>
    public string MasterAddress { get; private init; } = "";

    /// <summary>Rank 0's port; 0 except for <see cref="LaunchWay.Tcp"/>.</summary>
    public int MasterPort { get; private init; }

    /// <summary>Longest wait for the other processes: short on one machine, where all start at once.</summary>
    public TimeSpan RendezvousTimeout => TimeSpan.FromSeconds(
        LocalSize == Size || MasterAddress == "localhost" || (IPAddress.TryParse(MasterAddress, out var address) && IPAddress.IsLoopback(address)) ? 25 : 60);

    /// <summary>Reads the environment.</summary>
    /// <param name="environment">Returns a variable's value, or null.</param>
    /// <exception cref="LdaeException">Configuration: variables are incomplete, contradict each other, or are not numbers; the message names them.</exception>
    public static Launch Read(Func<string, string?> environment)
    {
        string? Of(string name) => environment(name) is { Length: > 0 } value ? value : null;
        var torch = Torch(Of);
        if (torch is { Size: > 1 } && Of("TORCHELASTIC_RUN_ID") is not null)
        {
            // srun or mpirun has started one torchrun a machine, which has started this process: their numbers count machines.
            return torch;
        }

        if (Of(OmpiRank) is not null || Of(OmpiSize) is not null)
        {
            var launch = Checked(Of, LaunchWay.Mpi, Mpirun, OmpiRank, OmpiSize, "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE");
            Agree(launch, torch, OmpiRank, OmpiSize);
            return launch.Size == 1 ? Alone : launch;
        }

        if (torch is not null)
        {
            if (Of(SlurmSize) is not null)
            {
                Agree(Checked(Of, LaunchWay.Tcp, Srun, SlurmRank, SlurmSize, "SLURM_LOCALID", null), torch, SlurmRank, SlurmSize);
            }

            return torch.Size == 1 ? Alone : torch;
        }

        // A batch script, which is one process, has SLURM_PROCID and SLURM_NTASKS too; only srun sets those of the step.
        if (Of(SlurmSize) is not null)
        {
            var way = Of(Address) is not null && Of(Port) is not null ? LaunchWay.Tcp : LaunchWay.Mpi;
            var launch = Checked(Of, way, Srun, SlurmRank, SlurmSize, "SLURM_LOCALID", null);
            return launch.Size == 1 ? Alone : launch;
        }

        if (Of("PMI_SIZE") is { } size && size != "1")
        {
            throw Rejected(
                $"PMI_SIZE = {size} means that MPICH's mpiexec started this process; MPICH is not supported.", "Start it with Open MPI's mpirun (Debian's openmpi-bin).");
        }

        return Alone;
    }

    private static Launch? Torch(Func<string, string?> of)
    {
        if (of(TorchRank) is null && of(TorchSize) is null && of(TorchLocal) is null)
        {
            return null;
        }

        return Checked(of, LaunchWay.Tcp, Torchrun, TorchRank, TorchSize, TorchLocal, "LOCAL_WORLD_SIZE");
    }

    private static Launch Checked(Func<string, string?> of, LaunchWay way, string by, string rankName, string sizeName, string localName, string? localSizeName)
    {
        var (rank, size) = (Number(of, by, rankName, 0), Number(of, by, sizeName, 1));
        if (size > MaxProcesses)
        {
            throw Rejected($"{sizeName} = {size} is more than the {MaxProcesses} processes that may train together.", $"Correct {sizeName}.");
        }

        if (rank >= size)
        {
            throw Rejected($"{rankName} = {rank}, but {sizeName} = {size}: ranks are 0 to {size - 1}.", $"Correct {rankName} or {sizeName}, or start the processes with mpirun.");
        }

        var local = size == 1 && of(localName) is null ? 0 : Number(of, by, localName, 0);
        var localSize = localSizeName is not null && of(localSizeName) is not null ? Number(of, by, localSizeName, 1) : 1;
        if (way != LaunchWay.Tcp || size == 1)
        {
            return new Launch(way, by, rank, size, local, localSize);
        }

        // torchrun's agent listens at the port itself; the next one is for the processes that it starts.
        var taken = of("TORCHELASTIC_USE_AGENT_STORE") == "True" ? 1 : 0;
        var port = Number(of, by, Port, 1);
        if (port + taken > IPEndPoint.MaxPort)
        {
            throw Rejected(
                taken > 0 && port == IPEndPoint.MaxPort ? $"{Port} = {port} is used by torchrun, and there is no higher port." : $"{Port} = {port} is not a port.",
                $"Set {Port} to a number below {IPEndPoint.MaxPort}.");
        }

        return new Launch(way, by, rank, size, local, localSize) { MasterAddress = Text(of, by, Address), MasterPort = port + taken };
    }

    private static void Agree(Launch launch, Launch? torch, string rankName, string sizeName)
    {
        if (torch is not null && (torch.Rank, torch.Size) != (launch.Rank, launch.Size))
        {
            throw Rejected(
                $"{TorchRank} = {torch.Rank} of {TorchSize} = {torch.Size} contradicts {rankName} = {launch.Rank} of {sizeName} = {launch.Size}.",
                $"Unset {TorchRank} and {TorchSize}, or start the processes another way.");
        }
    }

    private static int Number(Func<string, string?> of, string by, string name, int least)
    {
        var text = Text(of, by, name);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least
            ? value
            : throw Rejected($"{name} = {text} is not a whole number of {least} or more.", $"Correct {name}, or unset the variables that {by} sets, to run one process.");
    }

    private static string Text(Func<string, string?> of, string by, string name) => of(name) ?? throw Rejected(
        $"{name} is not set, but other variables that {by} sets are.",
        by == Torchrun
            ? $"Set {TorchRank}, {TorchSize}, {TorchLocal}, {Address} and {Port} for every process, or none of them; or start the processes with mpirun."
            : $"Set {name}, or start the processes with mpirun.");

    private static LdaeException Rejected(string message, string remedy) => new(ErrorKind.Configuration, message, remedy);
}
