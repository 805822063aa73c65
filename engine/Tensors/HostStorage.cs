using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Tensors;

/// <summary>
/// Memory of the process, aligned to 64 bytes (a cache line, and the widest vector). Pages are touched by whoever writes
/// them first, so a plan that reserves more than it uses costs address space and no memory.
/// </summary>
public sealed unsafe class HostStorage : Storage
{
    /// <summary>Alignment of the first byte.</summary>
    public const int Alignment = 64;

    /// <summary>Allocates, without clearing.</summary>
    /// <param name="bytes">Length in bytes.</param>
    public HostStorage(long bytes)
        : base((nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, Alignment), Alignment), bytes)
    {
    }

    /// <summary>Frees the memory when its owner forgot to.</summary>
    ~HostStorage() => Free();

    /// <inheritdoc/>
    protected override void Free()
    {
        if (Address != 0)
        {
            NativeMemory.AlignedFree((void*)Address);
            Address = 0;
        }
    }
}
