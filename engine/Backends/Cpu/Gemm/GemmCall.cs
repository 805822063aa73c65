namespace LDaeCore.Engine.Backends.Cpu.Gemm;

/// <summary>A matrix product on bare memory; the meaning of every field is that of <see cref="MatMulArgs"/>.</summary>
internal unsafe struct GemmCall
{
    public float* A, B, C;
    public int M, N, K;
    public bool TransposeA, TransposeB, Accumulate;
    public float* Bias, Residual, PreActivation, GeluGradientOf;
    public int ResidualRows;
}
