namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>What the compiler made.</summary>
/// <param name="Image">A cubin, or PTX.</param>
/// <param name="Log">Its log: warnings, and ptxas's report of registers, shared memory and spills.</param>
internal sealed record CompiledKernels(byte[] Image, string Log);
