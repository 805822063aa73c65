using System.Runtime.InteropServices;

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

/// <summary>
/// Memory of the process, aligned to 64 bytes (a cache line, and the widest vector). The system commits a page when it is first
/// written, so a plan that reserves more than it uses costs address space and no memory.
/// </summary>
public sealed unsafe class HostStorage : Storage
{
    /// <summary>Alignment of the first byte.</summary>
    public const int Alignment = 64;

    private static volatile bool _keepsAll;

    /// <summary>Allocates, without clearing.</summary>
    /// <param name="bytes">Length in bytes.</param>
    public HostStorage(long bytes)
        : base((nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, Alignment), Alignment), bytes)
    {
    }

    /// <summary>Frees nothing from now on: a call that does not return may still write to any of it. For a process that ends.</summary>
    internal static void KeepAll() => _keepsAll = true;

    /// <summary>Frees memory whose owner was not disposed.</summary>
    ~HostStorage() => Free();

    /// <inheritdoc/>
    protected override void Free()
    {
        if (Address != 0 && !_keepsAll)
        {
            NativeMemory.AlignedFree((void*)Address);
            Address = 0;
        }
    }
}
