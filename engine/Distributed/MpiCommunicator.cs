using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>A group over Open MPI, which only the communication thread calls.</summary>
public sealed unsafe class MpiCommunicator : HostCommunicator
{
    // A message's length in bytes is an int in MPI; elements have eight bytes at most.
    private const int MaxCount = 1 << 27;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly Mpi _mpi;

    /// <summary>Joins the processes that were started together.</summary>
    /// <param name="launch">The processes that the environment describes.</param>
    /// <param name="warn">Receives warnings on rank 0.</param>
    /// <param name="stop">Cancels the wait for the others.</param>
    /// <exception cref="LdaeException">Device: Open MPI is missing, or contradicts the environment. Run: a process does not connect.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled before all were connected.</exception>
    public MpiCommunicator(Launch launch, Action<string> warn, CancellationToken stop = default)
        : base(launch, stop)
    {
        _mpi = new Mpi(LibrarySearch.OfThisProcess.Find(LibraryKind.Mpi).Require());
        Call(() => (Rank, Size) = _mpi.Start());
        if ((Rank, Size) != (launch.Rank, launch.Size))
        {
            throw new LdaeException(
                ErrorKind.Device,
                $"{launch.By} started rank {launch.Rank} of {launch.Size}, but {_mpi.Library.Path} reports rank {Rank} of {Size}: they belong to different MPI installations.",
                "Start the processes with the mpirun of the same Open MPI, with srun --mpi=pmix, or set MASTER_ADDR and MASTER_PORT to go without MPI.");
        }

        Name = _mpi.Version;
        Complete(Connect(warn, stop));
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>Path and version of the library; or the problem and its remedy.</summary>
    public static (string? Path, string? Version, string? Problem, string Remedy) Describe()
    {
        var finding = LibrarySearch.OfThisProcess.Find(LibraryKind.Mpi);
        if (finding.Library is not { } library)
        {
            return (null, null, $"not found: {string.Join("; ", finding.Tried)}", finding.Kind.Remedy);
        }

        try
        {
            return (library.Path, new Mpi(library).Version, null, library.Remedy);
        }
        catch (LdaeException e)
        {
            return (library.Path, null, e.Message, e.Remedy);
        }
    }

    /// <inheritdoc/>
    public override ProcessFault? Abort(int code, string message, string remedy)
    {
        var first = base.Abort(code, message, remedy);
        if (Heartbeat is null)
        {
            _mpi.Abort(code);
        }

        return first;
    }

    private protected override void Sum(Tensor tensor)
    {
        var (type, width) = tensor.DType == DType.F64 ? (_mpi.Float64, sizeof(double)) : (_mpi.Float32, sizeof(float));
        for (var first = 0L; first < tensor.Shape.Count; first += MaxCount)
        {
            _mpi.Sum((nint)(tensor.Address + (first * width)), (int)Math.Min(MaxCount, tensor.Shape.Count - first), type);
        }
    }

    private protected override void Broadcast(nint address, long bytes)
    {
        for (var first = 0L; first < bytes; first += MaxCount)
        {
            _mpi.Broadcast((nint)(address + first), (int)Math.Min(MaxCount, bytes - first));
        }
    }

    private protected override void Gather(double[] mine, double[] all)
    {
        if (mine.Length == 0)
        {
            _mpi.Barrier();
            return;
        }

        fixed (double* from = mine, to = all)
        {
            _mpi.Gather((nint)from, (nint)to, mine.Length * sizeof(double));
        }
    }

    private protected override void Stop() => _mpi.Stop();

    /// <summary>A call of MPI does not return when a process has died, and may write to its tensor until this process ends.</summary>
    private protected override void Interrupt(ProcessFaultException error)
    {
        HostStorage.KeepAll();
        Calls.Abandon(error);
    }

    /// <summary>Connections for the heartbeat; null where rank 0 can be reached by MPI only.</summary>
    private Socket[]? Connect(Action<string> warn, CancellationToken stop)
    {
        using var rendezvous = Rank == 0 ? new Rendezvous(0, Size, BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)))) : null;
        var said = Encoding.UTF8.GetString(Broadcast(rendezvous is null ? [] : Encoding.UTF8.GetBytes(Address(rendezvous)))).Split('\n');
        var (host, addresses) = (said[0], said[3..]);
        var (port, token) = (int.Parse(said[1], CultureInfo.InvariantCulture), long.Parse(said[2], CultureInfo.InvariantCulture));
        Socket? own = null;
        if (rendezvous is null)
        {
            // A machine without a network has its loopback only.
            own = Wire.Connect(host == Dns.GetHostName() ? [.. addresses, "127.0.0.1"] : addresses, port, ConnectTimeout, stop);
            if (own is not null)
            {
                new Handshake(Handshake.Heartbeat, Rank, Size, token).Send(own);
            }
        }

        if (Gather([rendezvous is not null || own is not null ? 1 : 0]).Any(there => there == 0))
        {
            own?.Dispose();
            if (Rank == 0)
            {
                warn($"warning: not every process can connect to {host} at port {port}: only mpirun notices when one dies.");
            }

            return null;
        }

        return rendezvous?.Wait(Handshake.Heartbeat, ConnectTimeout, stop) ?? [own!];
    }

    /// <summary>The lines that rank 0 sends: its name, port, token and addresses.</summary>
    private static string Address(Rendezvous rendezvous)
    {
        var addresses = NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork || !address.IsIPv6LinkLocal)
            .Select(address => address.ToString());
        var (port, token) = (rendezvous.Port.ToString(CultureInfo.InvariantCulture), rendezvous.Token.ToString(CultureInfo.InvariantCulture));
        return string.Join('\n', [Dns.GetHostName(), port, token, .. addresses, Dns.GetHostName()]);
    }
}
