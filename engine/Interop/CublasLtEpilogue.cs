namespace LDaeCore.Engine.Interop;

/// <summary>The epilogues that are used (cublasLtEpilogue_t). The library's GELU is the tanh form.</summary>
internal enum CublasLtEpilogue
{
    /// <summary>None.</summary>
    Default = 1,

    /// <summary>Adds the bias.</summary>
    Bias = 4,

    /// <summary>Stores the sum as auxiliary matrix, then GELU.</summary>
    GeluAux = 160,

    /// <summary>Adds the bias, stores the sum as auxiliary matrix, then GELU.</summary>
    GeluAuxBias = 164,

    /// <summary>Multiplies by the slope of GELU at the auxiliary matrix.</summary>
    GeluGradient = 192,
}
