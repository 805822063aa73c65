namespace LDaeCore.Engine.Interop;

/// <summary>cudaDataType of a matrix.</summary>
internal enum CublasLtType
{
    /// <summary>IEEE single.</summary>
    F32 = 0,

    /// <summary>bfloat16.</summary>
    BF16 = 14,
}
