namespace LDaeCore.Engine.Tensors;

/// <summary>One block of device memory. Arenas own storage; tensors only point into it.</summary>
/// <param name="address">First byte, in the device's address space.</param>
/// <param name="bytes">Length.</param>
public abstract class Storage(nint address, long bytes) : IDisposable
{
    /// <summary>First byte, in the device's address space.</summary>
    public nint Address { get; protected set; } = address;

    /// <summary>Length in bytes.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        Free();
        Address = 0;
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back; called once or more.</summary>
    protected abstract void Free();
}
