using System.Globalization;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// What the choice of an algorithm depends on: D[M, N] = epilogue(op(A) op(B) (+ C)), row-major. Two products of one shape run
/// the same way, whatever their values and addresses.
/// </summary>
/// <param name="M">Rows of D.</param>
/// <param name="N">Columns of D.</param>
/// <param name="K">Length of the sums.</param>
/// <param name="TransposeA">A is [K, M].</param>
/// <param name="TransposeB">B is [N, K].</param>
/// <param name="Input">Type of A and B.</param>
/// <param name="Output">Type of C and D, and of bias and auxiliary matrix.</param>
/// <param name="Epilogue">What happens before storing.</param>
/// <param name="Adds">Whether C is added.</param>
/// <param name="InPlace">Whether C is D.</param>
/// <param name="Alignment">What all addresses are multiples of, bytes, at most 256.</param>
internal readonly record struct GemmShape(
    int M, int N, int K, bool TransposeA, bool TransposeB, CublasLtType Input, CublasLtType Output, CublasLtEpilogue Epilogue, bool Adds, bool InPlace, int Alignment)
{
    /// <summary>A name without spaces, such as 8192x576x192-NT-BF16-BF16-Bias-256.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{M}x{N}x{K}-{(TransposeA ? 'T' : 'N')}{(TransposeB ? 'T' : 'N')}-{Input}-{Output}-{Epilogue}{(Adds ? InPlace ? "-accumulate" : "-add" : "")}-{Alignment}");

    /// <summary>What all the addresses are multiples of, at most 256.</summary>
    public static int AlignmentOf(params ReadOnlySpan<nint> addresses)
    {
        nint bits = 256;
        foreach (var address in addresses)
        {
            bits |= address;
        }

        return (int)(bits & -bits);
    }
}
