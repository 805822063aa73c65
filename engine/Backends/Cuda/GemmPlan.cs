using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// A product of one shape, described to cuBLASLt. The library is column-major and a row-major matrix is its own transpose there, so
/// D = op(A) op(B) is asked for as D^T = op(B)^T op(A)^T: the operands change places and nothing is moved. A bias of one value a row
/// of D^T is then one a column of D, as a linear layer has it.
/// </summary>
internal sealed class GemmPlan : IDisposable
{
    private readonly CublasLt _library;
    private readonly GemmShape _shape;
    private readonly CublasLtHandle _product;
    private readonly GemmLayouts _layouts;

    /// <summary>Describes the product; no algorithm is chosen yet.</summary>
    public GemmPlan(CublasLt library, GemmShape shape)
    {
        _library = library;
        _shape = shape;
        _product = library.CreateProduct();
        library.Set(_product, CublasLtProductField.TransposeA, shape.TransposeB ? 1 : 0);
        library.Set(_product, CublasLtProductField.TransposeB, shape.TransposeA ? 1 : 0);
        library.Set(_product, CublasLtProductField.Epilogue, (uint)shape.Epilogue);
        if (shape.Epilogue is CublasLtEpilogue.Bias or CublasLtEpilogue.GeluAuxBias)
        {
            library.Set(_product, CublasLtProductField.BiasType, (int)shape.Output);
        }

        if (shape.Epilogue is CublasLtEpilogue.GeluAux or CublasLtEpilogue.GeluAuxBias or CublasLtEpilogue.GeluGradient)
        {
            library.Set(_product, CublasLtProductField.AuxiliaryLeading, (long)shape.N);
        }

        _layouts = new GemmLayouts(
            shape.TransposeB ? library.CreateLayout(shape.Input, shape.K, shape.N, shape.K) : library.CreateLayout(shape.Input, shape.N, shape.K, shape.N),
            shape.TransposeA ? library.CreateLayout(shape.Input, shape.M, shape.K, shape.M) : library.CreateLayout(shape.Input, shape.K, shape.M, shape.K),
            library.CreateLayout(shape.Output, shape.N, shape.M, shape.N),
            library.CreateLayout(shape.Output, shape.N, shape.M, shape.N));
    }

    /// <summary>The algorithm in use.</summary>
    public CublasLtAlgorithm Algorithm { get; set; }

    /// <summary>What the library's model proposes, best first; empty when it has nothing for this epilogue and type.</summary>
    public CublasLtCandidate[] Candidates(CublasLtHandle handle, in GemmOperands operands, long workspace, int wanted)
    {
        SetAddresses(operands);
        var alignment = _shape.Alignment;
        return _library.Candidates(handle, _product, _layouts, workspace, (alignment, alignment, alignment, alignment), wanted);
    }

    /// <summary>Runs it by <see cref="Algorithm"/>.</summary>
    public void Run(CublasLtHandle handle, in GemmOperands operands, (nint Address, long Bytes) workspace, StreamHandle stream)
    {
        SetAddresses(operands);
        _library.Run(handle, _product, _layouts, Addresses(operands), Beta, Algorithm, workspace, stream);
    }

    /// <summary>Runs it by an algorithm that may turn out not to work; whether it did.</summary>
    public bool TryRun(CublasLtHandle handle, in GemmOperands operands, in CublasLtAlgorithm algorithm, (nint Address, long Bytes) workspace, StreamHandle stream)
    {
        SetAddresses(operands);
        return _library.TryRun(handle, _product, _layouts, Addresses(operands), Beta, algorithm, workspace, stream) == 0;
    }

    /// <summary>Destroys the descriptions.</summary>
    public void Dispose()
    {
        _product.Dispose();
        _layouts.Dispose();
    }

    private static GemmAddresses Addresses(in GemmOperands operands) => new(operands.B, operands.A, operands.C, operands.D);

    private float Beta => _shape.Adds ? 1 : 0;

    private void SetAddresses(in GemmOperands operands)
    {
        if (operands.Bias != 0)
        {
            _library.Set(_product, CublasLtProductField.Bias, operands.Bias);
        }

        if (operands.Auxiliary != 0)
        {
            _library.Set(_product, CublasLtProductField.Auxiliary, operands.Auxiliary);
        }
    }
}
