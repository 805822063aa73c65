namespace LDaeCore.Engine.Tensors;

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
