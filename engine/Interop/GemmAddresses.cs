namespace LDaeCore.Engine.Interop;

/// <summary>Where a product's matrices are.</summary>
/// <param name="A">Left operand.</param>
/// <param name="B">Right operand.</param>
/// <param name="C">What is added; D when nothing is.</param>
/// <param name="D">Result.</param>
internal readonly record struct GemmAddresses(nint A, nint B, nint C, nint D);
