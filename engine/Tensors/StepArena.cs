using System.Globalization;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Tensors;

/// <summary>
/// Memory of one training step: activations, their gradients, temporaries. Blocks are given first-fit by offset and go back
/// one by one as the backward pass is done with them, so gradients reuse the memory of dead activations. As a step asks
/// for the same blocks in the same order every time, walking it once in <see cref="ArenaMode.Plan"/> gives the exact peak,
/// and a real arena of that size never grows.
/// </summary>
public sealed unsafe class StepArena : IDisposable
{
    private const int Alignment = HostStorage.Alignment;
    private const int ZoneBytes = 4096;

    // NaN in every real type, so that a stray read shows in the result.
    private const byte GuardPattern = 0xFF;

    private readonly IDeviceMemory _backend;
    private readonly Storage? _storage;

    // Zones would hide a stray read from compute-sanitizer and the emulator, which check the ends of a device's allocations.
    private readonly int _zone;
    private readonly List<(long Offset, long Bytes)> _free = [];
    private readonly List<ArenaBlock> _live = [];
    private readonly Dictionary<string, long> _liveByOwner = [];
    private Dictionary<string, long> _peakByOwner = [];

    /// <summary>Makes an arena.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="capacity">Bytes, from a plan; ignored in plan mode.</param>
    /// <param name="mode">How memory is handed out.</param>
    public StepArena(IDeviceMemory backend, long capacity, ArenaMode mode)
    {
        _backend = backend;
        _zone = backend.Kind is DeviceKind.Reference or DeviceKind.Cpu ? ZoneBytes : 0;
        Mode = mode;
        Capacity = mode == ArenaMode.Plan ? long.MaxValue : capacity;
        _storage = mode == ArenaMode.Packed ? backend.Allocate(capacity) : null;
        _free.Add((0, Capacity));
    }

    /// <summary>How a run's step memory is handed out: packed, or guarded when the environment variable LDAE_ARENA is guard.</summary>
    public static ArenaMode DefaultMode =>
        Environment.GetEnvironmentVariable("LDAE_ARENA") == "guard" ? ArenaMode.Guard : ArenaMode.Packed;

    /// <summary>How memory is handed out.</summary>
    public ArenaMode Mode { get; }

    /// <summary>Bytes reserved.</summary>
    public long Capacity { get; }

    /// <summary>Bytes in use.</summary>
    public long Used { get; private set; }

    /// <summary>The highest end of any block so far: what a packed arena must hold.</summary>
    public long Peak { get; private set; }

    /// <summary>Native allocations so far: one for all steps when packed.</summary>
    public long NativeAllocations { get; private set; }

    /// <summary>Bytes by owner at the moment of the peak.</summary>
    public IReadOnlyDictionary<string, long> PeakByOwner => _peakByOwner;

    internal IReadOnlyList<ArenaBlock> LiveBlocks => _live;

    internal ArenaBlock Rent(long bytes, string owner)
    {
        var rounded = (Math.Max(bytes, 1) + Alignment - 1) / Alignment * Alignment;
        var offset = TakeFirstFit(rounded, owner);
        Storage? guarded = null;
        var address = (nint)(offset + (_storage?.Address ?? Alignment));
        if (Mode == ArenaMode.Guard)
        {
            guarded = _backend.Allocate(bytes + (2 * _zone));
            NativeAllocations++;
            FillGuards(guarded, bytes);
            address = guarded.Address + _zone;
        }

        var block = new ArenaBlock
        {
            Offset = offset,
            Bytes = rounded,
            Requested = bytes,
            Address = address,
            Owner = owner,
            Guarded = guarded,
        };
        _live.Add(block);
        Used += rounded;
        Peak = Math.Max(Peak, offset + rounded);
        CountOwner(owner, rounded);
        return block;
    }

    internal void Return(ArenaBlock block)
    {
        if (!block.Live)
        {
            throw new InvalidOperationException($"A block of {block.Owner} was returned twice.");
        }

        block.Live = false;
        _live.Remove(block);
        Used -= block.Bytes;
        _liveByOwner[block.Owner] -= block.Bytes;
        GiveBack(block.Offset, block.Bytes);
        if (block.Guarded is { } guarded)
        {
            CheckGuards(guarded, block);
            guarded.Dispose();
        }
    }

    /// <summary>Takes every block back: the start of the next step.</summary>
    public void Reset()
    {
        for (var i = _live.Count - 1; i >= 0; i--)
        {
            Return(_live[i]);
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Reset();
        _storage?.Dispose();
    }

    private long TakeFirstFit(long bytes, string owner)
    {
        for (var i = 0; i < _free.Count; i++)
        {
            var (offset, size) = _free[i];
            if (size < bytes)
            {
                continue;
            }

            if (size == bytes)
            {
                _free.RemoveAt(i);
            }
            else
            {
                _free[i] = (offset + bytes, size - bytes);
            }

            return offset;
        }

        throw new LdaeException(
            ErrorKind.Run,
            string.Create(CultureInfo.InvariantCulture, $"The step arena of {Capacity:N0} bytes has no room for {bytes:N0} more bytes ({owner}); {Used:N0} are in use."),
            "The step needs more than its plan. Plan again with this batch and recipe, or lower train.batch.");
    }

    private void GiveBack(long offset, long bytes)
    {
        var index = _free.BinarySearch((offset, 0));
        index = index < 0 ? ~index : index;
        _free.Insert(index, (offset, bytes));
        if (index + 1 < _free.Count && _free[index].Offset + _free[index].Bytes == _free[index + 1].Offset)
        {
            _free[index] = (offset, bytes + _free[index + 1].Bytes);
            _free.RemoveAt(index + 1);
        }

        if (index > 0 && _free[index - 1].Offset + _free[index - 1].Bytes == _free[index].Offset)
        {
            _free[index - 1] = (_free[index - 1].Offset, _free[index - 1].Bytes + _free[index].Bytes);
            _free.RemoveAt(index);
        }
    }

    private void CountOwner(string owner, long bytes)
    {
        _liveByOwner.TryGetValue(owner, out var before);
        _liveByOwner[owner] = before + bytes;
        if (Mode == ArenaMode.Plan && Used > _peakByOwner.Values.Sum())
        {
            _peakByOwner = new Dictionary<string, long>(_liveByOwner);
        }
    }

    private void FillGuards(Storage storage, long bytes)
    {
        if (_zone > 0)
        {
            Span<byte> guard = stackalloc byte[_zone];
            guard.Fill(GuardPattern);
            _backend.Upload<byte>(guard, new Tensor(new Shape(_zone), DType.U8, storage.Address));
            _backend.Upload<byte>(guard, new Tensor(new Shape(_zone), DType.U8, (nint)(storage.Address + _zone + bytes)));
        }

        Span<byte> poison = new byte[bytes];
        poison.Fill(0xFF);
        _backend.Upload<byte>(poison, new Tensor(new Shape(checked((int)bytes)), DType.U8, storage.Address + _zone));
    }

    private void CheckGuards(Storage storage, ArenaBlock block)
    {
        if (_zone == 0)
        {
            return;
        }

        Span<byte> zone = stackalloc byte[_zone];
        foreach (var start in (ReadOnlySpan<long>)[0, _zone + block.Requested])
        {
            _backend.Download(new Tensor(new Shape(_zone), DType.U8, (nint)(storage.Address + start)), zone);
            if (zone.ContainsAnyExcept(GuardPattern))
            {
                var side = start == 0 ? "before" : "after";
                throw new InvalidOperationException($"A guard zone {side} a block of {block.Requested} bytes ({block.Owner}) was overwritten.");
            }
        }
    }
}

/// <summary>How an arena hands out memory.</summary>
public enum ArenaMode
{
    /// <summary>All tensors share one allocation of the planned size. The normal mode.</summary>
    Packed,

    /// <summary>
    /// Every tensor is an allocation of its own, filled with NaN first, so that overruns and reads of what was never written show:
    /// in the processor's memory between two guard zones; in a device's to the byte, for compute-sanitizer and the emulator to watch. Op cases always run so;
    /// LDAE_ARENA=guard makes every run do it.
    /// </summary>
    Guard,

    /// <summary>No memory: addresses are offsets and only the peak is of interest.</summary>
    Plan,
}

/// <summary>A range of a step arena that is in use.</summary>
internal sealed class ArenaBlock
{
    /// <summary>Offset of the first byte in the arena.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes taken, rounded up to the arena's alignment.</summary>
    public required long Bytes { get; init; }

    /// <summary>Bytes requested.</summary>
    public required long Requested { get; init; }

    /// <summary>First byte.</summary>
    public required nint Address { get; init; }

    /// <summary>Its owner, for the memory plan.</summary>
    public required string Owner { get; init; }

    /// <summary>The block's own allocation in guard mode.</summary>
    public Storage? Guarded { get; init; }

    /// <summary>False once the block went back to the arena.</summary>
    public bool Live { get; set; } = true;
}
