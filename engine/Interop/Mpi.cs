using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// The functions of Open MPI that data-parallel training calls. Its handles are addresses of objects that the library exports; other MPI
/// implementations have other handles and are rejected when the library is searched.
/// </summary>
internal sealed unsafe class Mpi
{
    // MPI_IN_PLACE, a constant of Open MPI's mpi.h; MPI_THREAD_FUNNELED and MPI_MAX_ERROR_STRING likewise.
    private const nint InPlace = 1;
    private const int Funneled = 1, MaxErrorBytes = 256, MaxVersionBytes = 256;

    private readonly delegate* unmanaged<byte*, int*, int> _version;
    private readonly delegate* unmanaged<int*, int> _initialized;
    private readonly delegate* unmanaged<int*, byte***, int, int*, int> _init;
    private readonly delegate* unmanaged<nint, nint, int> _setErrorHandler;
    private readonly delegate* unmanaged<nint, int*, int> _rank;
    private readonly delegate* unmanaged<nint, int*, int> _size;
    private readonly delegate* unmanaged<nint, nint, int, nint, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged<nint, int, nint, int, nint, int> _broadcast;
    private readonly delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int> _allGather;
    private readonly delegate* unmanaged<nint, int> _barrier;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<int> _finalize;
    private readonly delegate* unmanaged<int, byte*, int*, int> _errorString;
    private readonly nint _world, _returnErrors, _byte, _sum;

    /// <summary>Resolves functions and handles.</summary>
    /// <param name="library">Open MPI's library.</param>
    /// <exception cref="LdaeException">Device: one is missing.</exception>
    public Mpi(LoadedLibrary library)
    {
        Library = library;
        _version = (delegate* unmanaged<byte*, int*, int>)library.Export("MPI_Get_library_version");
        _initialized = (delegate* unmanaged<int*, int>)library.Export("MPI_Initialized");
        _init = (delegate* unmanaged<int*, byte***, int, int*, int>)library.Export("MPI_Init_thread");
        _setErrorHandler = (delegate* unmanaged<nint, nint, int>)library.Export("MPI_Comm_set_errhandler");
        _rank = (delegate* unmanaged<nint, int*, int>)library.Export("MPI_Comm_rank");
        _size = (delegate* unmanaged<nint, int*, int>)library.Export("MPI_Comm_size");
        _allReduce = (delegate* unmanaged<nint, nint, int, nint, nint, nint, int>)library.Export("MPI_Allreduce");
        _broadcast = (delegate* unmanaged<nint, int, nint, int, nint, int>)library.Export("MPI_Bcast");
        _allGather = (delegate* unmanaged<nint, int, nint, nint, int, nint, nint, int>)library.Export("MPI_Allgather");
        _barrier = (delegate* unmanaged<nint, int>)library.Export("MPI_Barrier");
        _abort = (delegate* unmanaged<nint, int, int>)library.Export("MPI_Abort");
        _finalize = (delegate* unmanaged<int>)library.Export("MPI_Finalize");
        _errorString = (delegate* unmanaged<int, byte*, int*, int>)library.Export("MPI_Error_string");
        _world = library.Export(LibraryKind.Mpi.Probe);
        _returnErrors = library.Export("ompi_mpi_errors_return");
        _byte = library.Export("ompi_mpi_byte");
        _sum = library.Export("ompi_mpi_op_sum");
        (Float32, Float64) = (library.Export("ompi_mpi_float"), library.Export("ompi_mpi_double"));
    }

    /// <summary>Where it was loaded from.</summary>
    public LoadedLibrary Library { get; }

    /// <summary>Name and version, such as Open MPI v4.1.4. Available before <see cref="Start"/>.</summary>
    public string Version
    {
        get
        {
            // MPI_MAX_LIBRARY_VERSION_STRING.
            var text = stackalloc byte[MaxVersionBytes];
            int length;
            Check(_version(text, &length), $"MPI_Get_library_version()");
            return (Marshal.PtrToStringUTF8((nint)text) ?? "").Split(',')[0];
        }
    }

    /// <summary>Type of float32 elements.</summary>
    public nint Float32 { get; }

    /// <summary>Type of float64 elements.</summary>
    public nint Float64 { get; }

    /// <summary>Joins the processes that were started together; all further calls must come from the calling thread.</summary>
    /// <returns>This process's number, and the number of processes.</returns>
    public (int Rank, int Size) Start()
    {
        int already, provided, rank, size;
        Check(_initialized(&already), $"MPI_Initialized()");
        if (already == 0)
        {
            Check(_init(null, null, Funneled, &provided), $"MPI_Init_thread(funneled)");
        }

        // Without this a failed call ends the process before its error can be reported.
        Check(_setErrorHandler(_world, _returnErrors), $"MPI_Comm_set_errhandler(world, errors return)");
        Check(_rank(_world, &rank), $"MPI_Comm_rank(world)");
        Check(_size(_world, &size), $"MPI_Comm_size(world)");
        return (rank, size);
    }

    /// <summary>Replaces values by their sum over all processes, in place.</summary>
    /// <param name="values">Address of the first.</param>
    /// <param name="count">Number of values.</param>
    /// <param name="type"><see cref="Float32"/> or <see cref="Float64"/>.</param>
    public void Sum(nint values, int count, nint type) =>
        Check(_allReduce(InPlace, values, count, type, _sum, _world), $"MPI_Allreduce({count} values, sum)");

    /// <summary>Sends bytes from rank 0 to all processes.</summary>
    public void Broadcast(nint bytes, int count) => Check(_broadcast(bytes, count, _byte, 0, _world), $"MPI_Bcast({count} bytes, from rank 0)");

    /// <summary>Sends as many bytes of each process to all, in order of rank.</summary>
    public void Gather(nint mine, nint all, int count) =>
        Check(_allGather(mine, count, _byte, all, count, _byte, _world), $"MPI_Allgather({count} bytes)");

    /// <summary>Waits for all processes.</summary>
    public void Barrier() => Check(_barrier(_world), $"MPI_Barrier()");

    /// <summary>Ends all processes.</summary>
    /// <param name="code">Their exit code.</param>
    public void Abort(int code) => _ = _abort(_world, code);

    /// <summary>Finalizes MPI.</summary>
    public void Stop() => Check(_finalize(), $"MPI_Finalize()");

    private void Check(int status, [InterpolatedStringHandlerArgument(nameof(status))] ref CallText call)
    {
        if (status != 0)
        {
            var text = stackalloc byte[MaxErrorBytes];
            int length;
            var name = _errorString(status, text, &length) == 0 ? Marshal.PtrToStringUTF8((nint)text) : "no description";
            throw new LdaeException(ErrorKind.Run, $"{call.Take()} failed: {name} ({status}).", "Another process may be gone; start the run again with --resume.");
        }
    }
}
