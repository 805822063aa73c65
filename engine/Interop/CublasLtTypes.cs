using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>An object of cuBLASLt (library handle, product, layout).</summary>
internal sealed class CublasLtHandle : SafeHandle
{
    private readonly Func<nint, int> _destroy;

    public CublasLtHandle(nint value, Func<nint, int> destroy)
        : base(0, ownsHandle: true)
    {
        _destroy = destroy;
        SetHandle(value);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The library's pointer.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => _destroy(handle) == 0;
}

/// <summary>cudaDataType of a matrix.</summary>
internal enum CublasLtType
{
    /// <summary>IEEE single.</summary>
    F32 = 0,

    /// <summary>bfloat16.</summary>
    BF16 = 14,
}

/// <summary>cublasLtMatmulAlgo_t: 64 opaque bytes that may be stored and used again with the same version of the library on the same GPU.</summary>
[InlineArray(8)]
internal struct CublasLtAlgorithm
{
    private ulong _word;
}

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

/// <summary>The fields of a product's description that are set (cublasLtMatmulDescAttributes_t).</summary>
internal enum CublasLtProductField
{
    /// <summary>1: A is transposed (int).</summary>
    TransposeA = 3,

    /// <summary>1: B is transposed (int).</summary>
    TransposeB = 4,

    /// <summary>What happens to a sum before it is stored (<see cref="CublasLtEpilogue"/>).</summary>
    Epilogue = 7,

    /// <summary>Address of the bias, one value a row of D.</summary>
    Bias = 8,

    /// <summary>Address of the matrix of GELU inputs.</summary>
    Auxiliary = 11,

    /// <summary>Its leading dimension, a multiple of 8 (long).</summary>
    AuxiliaryLeading = 12,

    /// <summary>Type of the bias (<see cref="CublasLtType"/>).</summary>
    BiasType = 26,
}

/// <summary>Four ints that the library keeps for later.</summary>
[InlineArray(4)]
internal struct CublasLtReserved
{
    private int _word;
}

/// <summary>The descriptions of a product's matrices.</summary>
/// <param name="A">Left operand.</param>
/// <param name="B">Right operand.</param>
/// <param name="C">What is added.</param>
/// <param name="D">Result.</param>
internal sealed record GemmLayouts(CublasLtHandle A, CublasLtHandle B, CublasLtHandle C, CublasLtHandle D) : IDisposable
{
    /// <summary>Destroys the descriptions.</summary>
    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        C.Dispose();
        D.Dispose();
    }
}

/// <summary>Where a product's matrices are.</summary>
/// <param name="A">Left operand.</param>
/// <param name="B">Right operand.</param>
/// <param name="C">What is added; D when nothing is.</param>
/// <param name="D">Result.</param>
internal readonly record struct GemmAddresses(nint A, nint B, nint C, nint D);
