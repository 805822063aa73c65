namespace LDaeCore.Engine.Checkpoints;

/// <summary>Element types of a safetensors file that this engine reads; the member's name is the name in the file.</summary>
public enum SafetensorsDType
{
    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>IEEE half (read only).</summary>
    F16,

    /// <summary>bfloat16 (read only).</summary>
    BF16,

    /// <summary>64-bit integer (read only).</summary>
    I64,

    /// <summary>32-bit integer.</summary>
    I32,

    /// <summary>Unsigned byte.</summary>
    U8,
}
