using System.Runtime.CompilerServices;

namespace LDaeCore.Engine.Interop;

/// <summary>cublasLtMatmulAlgo_t: 64 opaque bytes that may be stored and used again with the same version of the library on the same GPU.</summary>
[InlineArray(8)]
internal struct CublasLtAlgorithm
{
    private ulong _word;
}
