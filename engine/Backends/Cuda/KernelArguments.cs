using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// The arguments of one launch, in stack memory: each value in a slot of eight bytes, and after all slots the table of their
/// addresses that the driver wants. Nothing is boxed, pinned or allocated.
/// <code>var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);</code>
/// </summary>
internal ref struct KernelArguments
{
    /// <summary>Most arguments of a kernel.</summary>
    public const int MaxCount = 40;

    /// <summary>Length of the memory that the constructor wants.</summary>
    public const int Capacity = 2 * MaxCount;

    private readonly Span<long> _memory;

    /// <summary>No arguments yet.</summary>
    /// <param name="memory"><see cref="Capacity"/> slots from <c>stackalloc</c>: the driver gets addresses into it, so it must not move.</param>
    public KernelArguments(Span<long> memory)
    {
        _memory = memory.Length >= Capacity
            ? memory
            : throw new ArgumentException($"The arguments of a launch need {Capacity} slots, not {memory.Length}.", nameof(memory));
    }

    /// <summary>Number of arguments so far.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the tensors among them.</summary>
    public long TensorBytes { get; private set; }

    /// <summary>A pointer to a tensor's first element.</summary>
    public void Add(Tensor? tensor)
    {
        TensorBytes += tensor?.Bytes ?? 0;
        Put(tensor?.Address ?? 0);
    }

    /// <summary>A null pointer.</summary>
    public void AddNull() => Put(0);

    /// <summary>An int.</summary>
    public void Add(int value) => Put(value);

    /// <summary>An unsigned.</summary>
    public void Add(uint value) => Put(value);

    /// <summary>A 64-bit integer, or an address.</summary>
    public void Add(long value) => Put(value);

    /// <summary>A 64-bit unsigned integer.</summary>
    public void Add(ulong value) => Put((long)value);

    /// <summary>A device address.</summary>
    public void Add(nint address) => Put(address);

    /// <summary>A float.</summary>
    public void Add(float value) => Put(BitConverter.SingleToUInt32Bits(value));

    /// <summary>The table of addresses; valid while the memory is.</summary>
    public readonly unsafe void** Table()
    {
        var slots = (long*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_memory));
        for (var i = 0; i < Count; i++)
        {
            slots[MaxCount + i] = (long)(slots + i);
        }

        return (void**)(slots + MaxCount);
    }

    // Little-endian: a 4-byte argument is the first half of its slot.
    private void Put(long bits)
    {
        if (Count == MaxCount)
        {
            throw new InvalidOperationException($"A kernel takes at most {MaxCount} arguments.");
        }

        _memory[Count++] = bits;
    }
}
