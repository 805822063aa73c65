namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>Device addresses of one product, row-major.</summary>
/// <param name="A">Left operand.</param>
/// <param name="B">Right operand.</param>
/// <param name="C">What is added; D when nothing is, or when D is added to.</param>
/// <param name="D">Result.</param>
/// <param name="Bias">[N], or 0.</param>
/// <param name="Auxiliary">Inputs of GELU [M, N], or 0.</param>
internal readonly record struct GemmOperands(nint A, nint B, nint C, nint D, nint Bias, nint Auxiliary);
