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

/// <summary>Processes that Open MPI brings together. Only the thread that talks calls it.</summary>
public sealed unsafe class MpiCommunicator : HostCommunicator
{
    // A message's length is an int in MPI, and elements have eight bytes at most.
    private const int MostAtOnce = 1 << 27;

    private static readonly TimeSpan ConnectingTakes = TimeSpan.FromSeconds(10);

    private readonly Mpi _mpi;

    /// <summary>Joins the processes that were started together.</summary>
    /// <param name="launch">What the environment says of them.</param>
    /// <param name="lost">Told why the group cannot go on, on a thread of its own, while calls may never return.</param>
    /// <param name="warn">Told on rank 0 what a person should know.</param>
    /// <param name="stop">Ends the waiting for the others.</param>
    /// <exception cref="LdaeException">Device: Open MPI is missing, or sees other processes than the environment says. Run: somebody does not come.</exception>
    /// <exception cref="OperationCanceledException">The process was asked to stop.</exception>
    public MpiCommunicator(Launch launch, Action<ProcessFault> lost, Action<string> warn, CancellationToken stop = default)
        : base(launch, stop)
    {
        _mpi = new Mpi(LibrarySearch.OfThisProcess.Find(LibraryKind.Mpi).Require());
        Call(() => (Rank, Size) = _mpi.Start());
        if ((Rank, Size) != (launch.Rank, launch.Size))
        {
            throw new LdaeException(
                ErrorKind.Device,
                $"{launch.By} started rank {launch.Rank} of {launch.Size}, but {_mpi.Library.Path} says it is rank {Rank} of {Size}: the two do not know each other.",
                "Start the processes with the mpirun of the same Open MPI, with srun --mpi=pmix, or set MASTER_ADDR and MASTER_PORT to go without MPI.");
        }

        Name = _mpi.Version;
        Heartbeat = Watch(lost, warn, stop);
        Met();
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>Path and version of the library, for people.</summary>
    /// <returns>Where it is and which it is; or what is missing, and the remedy.</returns>
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
    public override void Abort(int code, string message)
    {
        base.Abort(code, message);
        if (Heartbeat is null)
        {
            _mpi.Abort(code);
        }
    }

    private protected override void Sum(Tensor tensor)
    {
        var (type, width) = tensor.DType == DType.F64 ? (_mpi.Float64, sizeof(double)) : (_mpi.Float32, sizeof(float));
        for (var first = 0L; first < tensor.Shape.Count; first += MostAtOnce)
        {
            _mpi.Sum((nint)(tensor.Address + (first * width)), (int)Math.Min(MostAtOnce, tensor.Shape.Count - first), type);
        }
    }

    private protected override void Broadcast(nint address, long bytes)
    {
        for (var first = 0L; first < bytes; first += MostAtOnce)
        {
            _mpi.Broadcast((nint)(address + first), (int)Math.Min(MostAtOnce, bytes - first));
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

    /// <summary>A heartbeat beside MPI, which has no word for a process that died; null where rank 0 cannot be reached but by MPI.</summary>
    private HeartbeatMonitor? Watch(Action<ProcessFault> lost, Action<string> warn, CancellationToken stop)
    {
        using var rendezvous = Rank == 0 ? new Rendezvous(0, Size, BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)))) : null;
        var said = Encoding.UTF8.GetString(Broadcast(rendezvous is null ? [] : Encoding.UTF8.GetBytes(Address(rendezvous)))).Split('\n');
        var (host, addresses) = (said[0], said[3..]);
        var (port, token) = (int.Parse(said[1], CultureInfo.InvariantCulture), long.Parse(said[2], CultureInfo.InvariantCulture));
        Socket? own = null;
        if (rendezvous is null)
        {
            // A machine without a network has only itself.
            own = Wire.Connect(host == Dns.GetHostName() ? [.. addresses, "127.0.0.1"] : addresses, port, ConnectingTakes, stop);
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
                warn($"warning: not every process can connect to {host} at port {port}: one that dies is noticed by mpirun alone.");
            }

            return null;
        }

        return new HeartbeatMonitor(Rank, Size, rendezvous?.Wait(Handshake.Heartbeat, ConnectingTakes, stop) ?? [own!], lost);
    }

    /// <summary>Where this machine can be reached: its name, the port, the token, its addresses.</summary>
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
