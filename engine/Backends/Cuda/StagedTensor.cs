using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// A double buffer. The host's bytes go through pinned memory and a copy stream to a place of their own on the device, beside the
/// work of the main stream; there they wait until the main stream takes them over, by a copy at the speed of device memory.
/// <code>
/// copy stream   [wait taken] pinned -> arriving, event sent        [wait taken] pinned -> arriving, event sent
/// main stream                          [wait sent] arriving -> tensor, event taken, the step reads tensor ...
/// </code>
/// </summary>
internal sealed unsafe class StagedTensor : IStagedTensor
{
    private readonly CudaStream _main, _copies;
    private readonly CudaEvent _sent, _taken;
    private readonly DeviceStorage _current, _arriving;
    private readonly PinnedBuffer _pinned;

    /// <summary>Allocates both places and the pinned memory.</summary>
    /// <param name="main">The stream whose work reads the tensor.</param>
    /// <param name="shape">Sizes of the bytes.</param>
    public StagedTensor(CudaStream main, Shape shape)
    {
        var bytes = checked((int)shape.Count);
        _main = main;
        _copies = new CudaStream(main.Context);
        _sent = new CudaEvent(main.Context);
        _taken = new CudaEvent(main.Context);
        _current = new DeviceStorage(main, bytes);
        _arriving = new DeviceStorage(main, bytes);
        _pinned = new PinnedBuffer(main.Context, bytes);
        Tensor = new Tensor(shape, DType.U8, _current.Address);

        // The memory exists in the order of the main stream's work: the copy stream starts after that.
        _taken.Record(main);
    }

    /// <inheritdoc/>
    public Tensor Tensor { get; }

    /// <inheritdoc/>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != _pinned.Bytes)
        {
            throw new ArgumentException($"{Tensor} takes {_pinned.Bytes} bytes, not {bytes.Length}.", nameof(bytes));
        }

        // The copy before may still be reading the pinned memory.
        _main.Context.MakeCurrent();
        _sent.Synchronize();
        bytes.CopyTo(_pinned.Span);
        _copies.WaitFor(_taken);
        _pinned.CopyTo(_arriving.Address, _pinned.Bytes, _copies);
        _sent.Record(_copies);
    }

    /// <inheritdoc/>
    public void Take()
    {
        _main.WaitFor(_sent);
        _main.Context.Driver.CopyOnDevice(_current.Address, _arriving.Address, _current.Bytes, _main.Handle);
        _taken.Record(_main);
    }

    /// <summary>Waits for the copy that may be under way and frees all.</summary>
    public void Dispose()
    {
        _copies.Synchronize();
        _current.Dispose();
        _arriving.Dispose();
        _main.Synchronize();
        _pinned.Dispose();
        _sent.Dispose();
        _taken.Dispose();
        _copies.Dispose();
    }
}
