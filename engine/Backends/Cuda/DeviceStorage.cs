using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>A block of a GPU's memory, given and taken back in the order of a stream's work.</summary>
internal sealed class DeviceStorage : Storage
{
    private readonly CudaStream _stream;
    private readonly Action<long>? _freed;

    /// <summary>Allocates, without clearing.</summary>
    /// <param name="stream">Whose order it follows.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="freed">Told the length when the memory goes back; for ledgers.</param>
    public DeviceStorage(CudaStream stream, long bytes, Action<long>? freed = null)
        : base(Take(stream, bytes), bytes)
    {
        _stream = stream;
        _freed = freed;
    }

    /// <inheritdoc/>
    protected override void Free()
    {
        // After its stream the memory went with the context; there is nothing left to give back.
        if (Address != 0 && !_stream.Handle.IsClosed)
        {
            _stream.Context.MakeCurrent();
            _stream.Context.Driver.Free(Address, _stream.Handle);
            _freed?.Invoke(Bytes);
        }

        Address = 0;
    }

    private static nint Take(CudaStream stream, long bytes)
    {
        stream.Context.MakeCurrent();
        return stream.Context.Driver.Allocate(Math.Max(bytes, 1), stream.Handle);
    }
}
