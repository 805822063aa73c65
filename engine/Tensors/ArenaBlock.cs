namespace LDaeCore.Engine.Tensors;

/// <summary>A range of a step arena that is in use.</summary>
internal sealed class ArenaBlock
{
    /// <summary>Offset of the first byte in the arena.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes taken, rounded up to the arena's alignment.</summary>
    public required long Bytes { get; init; }

    /// <summary>Bytes asked for.</summary>
    public required long Requested { get; init; }

    /// <summary>First byte.</summary>
    public required nint Address { get; init; }

    /// <summary>Who asked, for the ledger.</summary>
    public required string Owner { get; init; }

    /// <summary>The allocation of its own behind the block when the arena is in guard mode.</summary>
    public Storage? Guarded { get; init; }

    /// <summary>False once the block went back to the arena.</summary>
    public bool Live { get; set; } = true;
}
