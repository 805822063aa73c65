using System.Runtime.InteropServices;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// GPUs, one a process: tensors are summed by NCCL on a stream beside the one that computes, and all else goes by the processes' own group, over which they also
/// meet. Two events tie the streams together, so that sums may be part of a recorded step.
/// </summary>
public sealed class NcclCommunicator : ICommunicator
{
    private readonly ICommunicator _host;
    private readonly Nccl _nccl;
    private readonly CudaStream _main, _sums;
    private readonly CudaEvent _ready, _summed;
    private readonly nint _communicator;

    /// <summary>Joins the GPUs of a group.</summary>
    /// <param name="host">The processes; it outlives this.</param>
    /// <param name="backend">This process's GPU, another one than those of its neighbours.</param>
    /// <exception cref="LdaeException">Device: NCCL is missing. Run: the GPUs do not come together.</exception>
    public NcclCommunicator(ICommunicator host, CudaBackend backend)
        : this(host, backend, backend.Stream.Context.Device.Libraries.Nccl)
    {
    }

    internal NcclCommunicator(ICommunicator host, CudaBackend backend, Nccl nccl)
    {
        _host = host;
        _nccl = nccl;
        _main = backend.Stream;
        _sums = new CudaStream(_main.Context);
        (_ready, _summed) = (new CudaEvent(_main.Context), new CudaEvent(_main.Context));
        NcclUniqueId[] name = [host.Rank == 0 ? _nccl.NewGroup() : default];
        name = MemoryMarshal.Cast<byte, NcclUniqueId>(host.Broadcast(MemoryMarshal.AsBytes(name.AsSpan()).ToArray())).ToArray();
        _main.Context.MakeCurrent();
        _communicator = _nccl.Join(name[0], host.Rank, host.Size);
    }

    /// <inheritdoc/>
    public string Name => $"NCCL {_nccl.Version}, {_host.Name}";

    /// <inheritdoc/>
    public int Rank => _host.Rank;

    /// <inheritdoc/>
    public int Size => _host.Size;

    /// <inheritdoc/>
    public void BeginSum(Tensor tensor)
    {
        if (tensor.DType != DType.F32)
        {
            throw new ArgumentException($"{tensor} is not summed over GPUs: only F32 is.", nameof(tensor));
        }

        _ready.Record(_main);
        _sums.WaitFor(_ready);
        _nccl.Sum(tensor.Address, tensor.Shape.Count, _communicator, _sums.Handle);
    }

    /// <inheritdoc/>
    public void FinishSums()
    {
        _summed.Record(_sums);
        _main.WaitFor(_summed);
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor)
    {
        _main.Context.MakeCurrent();
        _nccl.Broadcast(tensor.Address, tensor.Bytes, _communicator, _main.Handle);
        _main.Synchronize();
    }

    /// <inheritdoc/>
    public byte[] Broadcast(byte[] bytes) => _host.Broadcast(bytes);

    /// <inheritdoc/>
    public double[] Gather(ReadOnlySpan<double> mine) => _host.Gather(mine);

    /// <inheritdoc/>
    public void Leave() => _host.Leave();

    /// <inheritdoc/>
    public void Abort(int code, string message) => _host.Abort(code, message);

    /// <summary>Leaves the GPUs' group; the processes' own goes on.</summary>
    public void Dispose()
    {
        _main.Context.MakeCurrent();
        _sums.Synchronize();
        _nccl.Leave(_communicator);
        _ready.Dispose();
        _summed.Dispose();
        _sums.Dispose();
    }
}
