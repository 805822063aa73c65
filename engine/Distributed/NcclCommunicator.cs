using System.Runtime.InteropServices;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>
/// A group of GPUs, one a process. NCCL sums tensors on a stream of its own; two events tie it to the computing stream, so that sums may be part of a
/// recorded step. All other calls go to the processes' host group, which also brings the GPUs together.
/// </summary>
public sealed class NcclCommunicator : ICommunicator
{
    private readonly ICommunicator _host;
    private readonly Nccl _nccl;
    private readonly CudaStream _main, _sums;
    private readonly CudaEvent _ready, _summed;
    private readonly nint _communicator;
    private readonly CancellationTokenRegistration _onFault;

    /// <summary>Joins the GPUs of a group.</summary>
    /// <param name="host">The processes; it outlives this.</param>
    /// <param name="backend">This process's GPU; no two processes may share one.</param>
    /// <exception cref="LdaeException">Device: NCCL is missing. Run: the GPUs cannot be connected.</exception>
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
        _onFault = host.Faulted.Register(() => _nccl.Abort(_communicator));
    }

    /// <inheritdoc/>
    public string Name => $"NCCL {_nccl.Version}, {_host.Name}";

    /// <inheritdoc/>
    public int Rank => _host.Rank;

    /// <inheritdoc/>
    public int Size => _host.Size;

    /// <inheritdoc/>
    public ProcessFault? Fault => _host.Fault;

    /// <inheritdoc/>
    public CancellationToken Faulted => _host.Faulted;

    /// <inheritdoc/>
    public void BeginSum(Tensor tensor)
    {
        if (tensor.DType != DType.F32)
        {
            throw new ArgumentException($"{tensor} is not summed over GPUs: only F32 is.", nameof(tensor));
        }

        ThrowIfFaulted();
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
        ThrowIfFaulted();
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
    public ProcessFault? Abort(int code, string message, string remedy) => _host.Abort(code, message, remedy);

    /// <summary>Leaves the GPUs' group; the host group stays.</summary>
    public void Dispose()
    {
        _onFault.Dispose();
        _main.Context.MakeCurrent();
        if (!Faulted.IsCancellationRequested)
        {
            _sums.Synchronize();
            _nccl.Leave(_communicator);
        }

        _ready.Dispose();
        _summed.Dispose();
        _sums.Dispose();
    }

    private void ThrowIfFaulted()
    {
        if (Fault is { } fault)
        {
            throw new ProcessFaultException(fault);
        }
    }
}
