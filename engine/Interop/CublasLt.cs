using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>The functions of cuBLASLt that the engine calls. Matrices are column-major, as the library has them.</summary>
internal sealed unsafe class CublasLt
{
    private readonly delegate* unmanaged<nint*, int> _create;
    private readonly delegate* unmanaged<nint, int> _destroy;
    private readonly delegate* unmanaged<nuint> _getVersion;
    private readonly delegate* unmanaged<int, byte*> _getStatusString;
    private readonly delegate* unmanaged<nint*, int, int, int> _matmulDescCreate;
    private readonly delegate* unmanaged<nint, int> _matmulDescDestroy;
    private readonly delegate* unmanaged<nint, int, void*, nuint, int> _matmulDescSetAttribute;
    private readonly delegate* unmanaged<nint*, int, ulong, ulong, long, int> _matrixLayoutCreate;
    private readonly delegate* unmanaged<nint, int> _matrixLayoutDestroy;
    private readonly delegate* unmanaged<nint*, int> _preferenceCreate;
    private readonly delegate* unmanaged<nint, int> _preferenceDestroy;
    private readonly delegate* unmanaged<nint, int, void*, nuint, int> _preferenceSetAttribute;
    private readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, CublasLtCandidate*, int*, int> _getHeuristic;
    private readonly delegate* unmanaged<nint, nint, void*, nint, nint, nint, nint, void*, nint, nint, nint, nint, CublasLtAlgorithm*, nint, nuint, nint, int> _matmul;

    /// <summary>Resolves the functions.</summary>
    /// <param name="library">cuBLASLt's library.</param>
    /// <exception cref="LdaeException">Device: a function is missing.</exception>
    public CublasLt(LoadedLibrary library)
    {
        Library = library;
        _create = (delegate* unmanaged<nint*, int>)library.Export("cublasLtCreate");
        _destroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtDestroy");
        _getVersion = (delegate* unmanaged<nuint>)library.Export("cublasLtGetVersion");
        _getStatusString = (delegate* unmanaged<int, byte*>)library.Export("cublasLtGetStatusString");
        _matmulDescCreate = (delegate* unmanaged<nint*, int, int, int>)library.Export("cublasLtMatmulDescCreate");
        _matmulDescDestroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtMatmulDescDestroy");
        _matmulDescSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)library.Export("cublasLtMatmulDescSetAttribute");
        _matrixLayoutCreate = (delegate* unmanaged<nint*, int, ulong, ulong, long, int>)library.Export("cublasLtMatrixLayoutCreate");
        _matrixLayoutDestroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtMatrixLayoutDestroy");
        _preferenceCreate = (delegate* unmanaged<nint*, int>)library.Export("cublasLtMatmulPreferenceCreate");
        _preferenceDestroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtMatmulPreferenceDestroy");
        _preferenceSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)library.Export("cublasLtMatmulPreferenceSetAttribute");
        _getHeuristic = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, CublasLtCandidate*, int*, int>)library.Export("cublasLtMatmulAlgoGetHeuristic");
        var matmul = library.Export("cublasLtMatmul");
        _matmul = (delegate* unmanaged<nint, nint, void*, nint, nint, nint, nint, void*, nint, nint, nint, nint, CublasLtAlgorithm*, nint, nuint, nint, int>)matmul;
    }

    /// <summary>Where it was loaded from.</summary>
    public LoadedLibrary Library { get; }

    /// <summary>The library's version as it numbers itself, such as 120805.</summary>
    public long Version => (long)_getVersion();

    /// <summary>A handle in the current context.</summary>
    public CublasLtHandle Create()
    {
        nint handle;
        Check(_create(&handle), $"cublasLtCreate()");
        return new CublasLtHandle(handle, value => _destroy(value));
    }

    /// <summary>Describes a product with float32 sums and scale factors; no TF32.</summary>
    public CublasLtHandle CreateProduct()
    {
        const int ComputeFloat32 = 68;
        nint handle;
        Check(_matmulDescCreate(&handle, ComputeFloat32, (int)CublasLtType.F32), $"cublasLtMatmulDescCreate(COMPUTE_32F, R_32F)");
        return new CublasLtHandle(handle, value => _matmulDescDestroy(value));
    }

    /// <summary>Sets a field of a product's description.</summary>
    public void Set<T>(CublasLtHandle product, CublasLtProductField field, T value)
        where T : unmanaged =>
        Check(_matmulDescSetAttribute(product.Value, (int)field, &value, (nuint)sizeof(T)), $"cublasLtMatmulDescSetAttribute({field}, {value})");

    /// <summary>Describes a column-major matrix.</summary>
    public CublasLtHandle CreateLayout(CublasLtType type, long rows, long columns, long leading)
    {
        nint handle;
        Check(
            _matrixLayoutCreate(&handle, (int)type, (ulong)rows, (ulong)columns, leading),
            $"cublasLtMatrixLayoutCreate({type}, {rows} rows, {columns} columns, leading dimension {leading})");
        return new CublasLtHandle(handle, value => _matrixLayoutDestroy(value));
    }

    /// <summary>
    /// The algorithms that the library's heuristic recommends for a product, best first; none when it supports none.
    /// </summary>
    /// <param name="library">From <see cref="Create"/>.</param>
    /// <param name="product">The product.</param>
    /// <param name="layouts">Of A, B, C and D.</param>
    /// <param name="workspace">Bytes of workspace.</param>
    /// <param name="alignments">Alignment of A, B, C and D, bytes.</param>
    /// <param name="most">Most algorithms to return.</param>
    public CublasLtCandidate[] Candidates(
        CublasLtHandle library, CublasLtHandle product, GemmLayouts layouts, long workspace, (int A, int B, int C, int D) alignments, int most)
    {
        const int NotSupported = 15, InvalidValue = 7;
        const int MaxWorkspace = 1, MinAlignmentA = 5;
        nint preference;
        Check(_preferenceCreate(&preference), $"cublasLtMatmulPreferenceCreate()");
        try
        {
            var bytes = (ulong)workspace;
            Check(_preferenceSetAttribute(preference, MaxWorkspace, &bytes, sizeof(ulong)), $"cublasLtMatmulPreferenceSetAttribute(MAX_WORKSPACE_BYTES, {workspace})");
            Span<int> minimum = [alignments.A, alignments.B, alignments.C, alignments.D];
            for (var i = 0; i < minimum.Length; i++)
            {
                var alignment = (uint)minimum[i];
                Check(_preferenceSetAttribute(preference, MinAlignmentA + i, &alignment, sizeof(uint)), $"cublasLtMatmulPreferenceSetAttribute({MinAlignmentA + i}, {alignment})");
            }

            var found = new CublasLtCandidate[most];
            int count;
            int status;
            fixed (CublasLtCandidate* to = found)
            {
                status = _getHeuristic(
                    library.Value, product.Value, layouts.A.Value, layouts.B.Value, layouts.C.Value, layouts.D.Value, preference, most, to, &count);
            }

            if (status is NotSupported or InvalidValue)
            {
                return [];
            }

            Check(status, $"cublasLtMatmulAlgoGetHeuristic(at most {most})");
            return [.. found.Take(count).Where(c => c.State == 0)];
        }
        finally
        {
            _ = _preferenceDestroy(preference);
        }
    }

    /// <summary>D = epilogue(op(A) op(B) + beta C).</summary>
    public void Run(
        CublasLtHandle library, CublasLtHandle product, GemmLayouts layouts, GemmAddresses addresses, float beta, in CublasLtAlgorithm algorithm,
        (nint Address, long Bytes) workspace, StreamHandle stream) =>
        Check(
            TryRun(library, product, layouts, addresses, beta, algorithm, workspace, stream),
            $"cublasLtMatmul(A {layouts.A}, B {layouts.B}, C {layouts.C}, D {layouts.D}, beta {beta}, {stream})");

    /// <summary>As <see cref="Run"/>; returns the status instead of throwing, because a candidate may not run.</summary>
    public int TryRun(
        CublasLtHandle library, CublasLtHandle product, GemmLayouts layouts, GemmAddresses addresses, float beta, in CublasLtAlgorithm algorithm,
        (nint Address, long Bytes) workspace, StreamHandle stream)
    {
        var alpha = 1f;
        fixed (CublasLtAlgorithm* chosen = &algorithm)
        {
            return _matmul(
                library.Value, product.Value, &alpha, addresses.A, layouts.A.Value, addresses.B, layouts.B.Value, &beta, addresses.C, layouts.C.Value,
                addresses.D, layouts.D.Value, chosen, workspace.Address, (nuint)workspace.Bytes, stream.Value);
        }
    }

    private void Check(int status, [InterpolatedStringHandlerArgument(nameof(status))] ref CallText call)
    {
        if (status != 0)
        {
            var name = Marshal.PtrToStringUTF8((nint)_getStatusString(status)) ?? "no description";
            throw new LdaeException(
                ErrorKind.Run,
                $"{call.Take()} failed: {name} ({status}).",
                "Try --set cuda.autotune=off; report this with the output of ldae doctor.");
        }
    }
}
