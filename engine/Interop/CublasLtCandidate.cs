using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>cublasLtMatmulHeuristicResult_t: an algorithm and what it needs.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CublasLtCandidate
{
    /// <summary>The algorithm.</summary>
    public CublasLtAlgorithm Algorithm;

    /// <summary>Workspace it uses, bytes.</summary>
    public nuint Workspace;

    /// <summary>0 when it can be used.</summary>
    public int State;

    /// <summary>Rounds of blocks on the GPU.</summary>
    public float Waves;

    /// <summary>Unused.</summary>
    public CublasLtReserved Reserved;
}
