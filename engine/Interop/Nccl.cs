using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>The functions of NCCL that data-parallel training on several GPUs calls.</summary>
internal sealed unsafe class Nccl
{
    private readonly delegate* unmanaged<int*, int> _getVersion;
    private readonly delegate* unmanaged<int, byte*> _getErrorString;
    private readonly delegate* unmanaged<NcclUniqueId*, int> _getUniqueId;
    private readonly delegate* unmanaged<nint*, int, NcclUniqueId, int, int> _commInitRank;
    private readonly delegate* unmanaged<nint, int> _commDestroy, _commAbort;
    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> _broadcast;

    /// <summary>Resolves the functions.</summary>
    /// <param name="library">NCCL's library.</param>
    /// <exception cref="LdaeException">Device: a function is missing.</exception>
    public Nccl(LoadedLibrary library)
    {
        Library = library;
        _getVersion = (delegate* unmanaged<int*, int>)library.Export("ncclGetVersion");
        _getErrorString = (delegate* unmanaged<int, byte*>)library.Export("ncclGetErrorString");
        _getUniqueId = (delegate* unmanaged<NcclUniqueId*, int>)library.Export("ncclGetUniqueId");
        _commInitRank = (delegate* unmanaged<nint*, int, NcclUniqueId, int, int>)library.Export("ncclCommInitRank");
        _commDestroy = (delegate* unmanaged<nint, int>)library.Export("ncclCommDestroy");
        _commAbort = (delegate* unmanaged<nint, int>)library.Export("ncclCommAbort");
        _allReduce = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)library.Export("ncclAllReduce");
        _broadcast = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)library.Export("ncclBroadcast");
    }

    /// <summary>Where it was loaded from.</summary>
    public LoadedLibrary Library { get; }

    /// <summary>Version, 10000 major + 100 minor + patch.</summary>
    public int Version
    {
        get
        {
            int version;
            Check(_getVersion(&version), $"ncclGetVersion()");
            return version;
        }
    }

    /// <summary>The name of a new group of processes, for rank 0 to send to the others.</summary>
    public NcclUniqueId NewGroup()
    {
        NcclUniqueId id;
        Check(_getUniqueId(&id), $"ncclGetUniqueId()");
        return id;
    }

    /// <summary>Joins a group with the GPU of the current context; returns when all have joined.</summary>
    public nint Join(NcclUniqueId group, int rank, int ranks)
    {
        nint communicator;
        Check(_commInitRank(&communicator, ranks, group, rank), $"ncclCommInitRank(rank {rank} of {ranks})");
        return communicator;
    }

    /// <summary>Leaves a group.</summary>
    public void Leave(nint communicator) => Check(_commDestroy(communicator), $"ncclCommDestroy()");

    /// <summary>Ends a group whose work does not finish because a process died; from any thread.</summary>
    public void Abort(nint communicator) => _ = _commAbort(communicator);

    /// <summary>Replaces float32 values by their sum over the group, in place.</summary>
    public void Sum(nint values, long count, nint communicator, StreamHandle stream)
    {
        const int Float32 = 7, SumOf = 0;
        Check(_allReduce(values, values, (nuint)count, Float32, SumOf, communicator, stream.Value), $"ncclAllReduce({count} float32, sum, {stream})");
    }

    /// <summary>Replaces bytes by those of rank 0.</summary>
    public void Broadcast(nint bytes, long count, nint communicator, StreamHandle stream)
    {
        const int UInt8 = 1;
        Check(_broadcast(bytes, bytes, (nuint)count, UInt8, 0, communicator, stream.Value), $"ncclBroadcast({count} bytes, from rank 0, {stream})");
    }

    private void Check(int status, [InterpolatedStringHandlerArgument(nameof(status))] ref CallText call)
    {
        if (status != 0)
        {
            var name = Marshal.PtrToStringUTF8((nint)_getErrorString(status)) ?? "no description";
            throw new LdaeException(ErrorKind.Run, $"{call.Take()} failed: {name} ({status}).", "Set NCCL_DEBUG=INFO and run again: NCCL then prints the reason.");
        }
    }
}

/// <summary>ncclUniqueId: 128 opaque bytes.</summary>
[InlineArray(128)]
internal struct NcclUniqueId
{
    private byte _first;
}
