namespace LDaeCore.Engine.Interop;

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
