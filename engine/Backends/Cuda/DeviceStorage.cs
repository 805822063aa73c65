using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>A block of a GPU's memory, given and taken back in the order of a stream's work, and booked with its context.</summary>
internal sealed class DeviceStorage : Storage
{
    private readonly CudaStream _stream;

    /// <summary>Allocates, without clearing.</summary>
    /// <param name="stream">Whose order it follows.</param>
    /// <param name="bytes">Length.</param>
    /// <exception cref="DeviceMemoryException">The GPU has not that much.</exception>
    public DeviceStorage(CudaStream stream, long bytes)
        : base(Take(stream.Context, stream.Handle, bytes), bytes) => _stream = stream;

    /// <inheritdoc/>
    protected override void Free()
    {
        // After its stream the memory went with the context; there is nothing left to give back.
        if (Address != 0 && !_stream.Handle.IsClosed)
        {
            _stream.Context.MakeCurrent();
            _stream.Context.Driver.Free(Address, _stream.Handle);
            _stream.Context.GaveBack(Bytes);
        }

        Address = 0;
    }

    private static nint Take(CudaContext context, StreamHandle stream, long bytes)
    {
        context.MakeCurrent();
        try
        {
            var address = context.Driver.Allocate(Math.Max(bytes, 1), stream);
            context.Took(bytes);
            return address;
        }
        catch (LdaeException e) when (CudaDriver.IsOutOfMemory(e))
        {
            var (free, total) = context.Driver.MemoryInfo();
            throw new DeviceMemoryException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{e.Message} {bytes:N0} bytes were asked for; {context.HeldBytes:N0} are held by this process; {free:N0} of the GPU's {total:N0} are free."),
                e.Remedy,
                e);
        }
    }
}
