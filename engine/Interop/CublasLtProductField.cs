namespace LDaeCore.Engine.Interop;

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
