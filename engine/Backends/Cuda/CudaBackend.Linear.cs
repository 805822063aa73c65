using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>
/// Matrix products. What cuBLASLt can do on the way (bias, GELU with its input kept, the slope of GELU, a residual or an accumulation as
/// beta C) it does; what is left is one pass of kernels/epilogue.cu over C.
/// </content>
public sealed unsafe partial class CudaBackend
{
    void IKernels.MatMul(in MatMulArgs args)
    {
        var operands = Operands(args, out var input);
        var output = TypeOf(args.C);
        if (Fused(args) is not { } epilogue || !TryProduct(args, operands, input, output, epilogue))
        {
            // Plain product, then everything else in one pass.
            var plain = operands with { C = args.C.Address, Bias = 0, Auxiliary = 0 };
            _gemm.Run(ShapeOf(args, plain, input, output, CublasLtEpilogue.Default, args.Accumulate), plain);
            ApplyEpilogue(args);
        }
    }

    private bool TryProduct(in MatMulArgs args, in GemmOperands operands, CublasLtType input, CublasLtType output, CublasLtEpilogue epilogue) =>
        _gemm.TryRun(ShapeOf(args, operands, input, output, epilogue, args.Accumulate || args.Residual is not null), operands);

    /// <summary>The epilogue by which cuBLASLt does the whole of it, or null when it cannot.</summary>
    private static CublasLtEpilogue? Fused(in MatMulArgs args)
    {
        var gelu = args.PreActivation is not null || args.GeluGradientOf is not null;
        var residualFits = args.Residual is not { } residual
            || (!args.Accumulate && !gelu && residual.Shape.Rows == args.M && residual.DType == args.C.DType);

        // The library wants the rows of the GELU's input to start at multiples of 8 elements.
        if (!residualFits || (gelu && args.N % 8 != 0))
        {
            return null;
        }

        return (args.Bias, args.PreActivation, args.GeluGradientOf) switch
        {
            (null, null, null) => CublasLtEpilogue.Default,
            (_, null, null) => CublasLtEpilogue.Bias,
            (null, _, null) => CublasLtEpilogue.GeluAux,
            (_, _, null) => CublasLtEpilogue.GeluAuxBias,
            (null, null, _) when !args.Accumulate => CublasLtEpilogue.GeluGradient,
            _ => null,
        };
    }

    private static GemmShape ShapeOf(
        in MatMulArgs args, in GemmOperands operands, CublasLtType input, CublasLtType output, CublasLtEpilogue epilogue, bool adds) => new(
            args.M,
            args.N,
            args.K,
            args.TransposeA,
            args.TransposeB,
            input,
            output,
            epilogue,
            adds,
            operands.C == operands.D,
            GemmShape.AlignmentOf(operands.A, operands.B, operands.C, operands.D, operands.Bias, operands.Auxiliary));

    /// <summary>
    /// Addresses of the operands. Where float32 parameters meet bf16 activations, their owner's rounded copy is read, or else one is
    /// made here: the weight is then read once more, which for a batch of many rows is nothing beside the product.
    /// </summary>
    private GemmOperands Operands(in MatMulArgs args, out CublasLtType input)
    {
        input = args.A.DType == DType.F32 && args.B.DType == DType.F32 ? CublasLtType.F32 : CublasLtType.BF16;
        var narrow = input == CublasLtType.BF16;
        var narrowBias = args.C.DType == DType.BF16;
        Tensor a = narrow ? args.A.Rounded ?? args.A : args.A, b = narrow ? args.B.Rounded ?? args.B : args.B;
        var bias = narrowBias ? args.Bias?.Rounded ?? args.Bias : args.Bias;
        bool castsA = narrow && a.DType == DType.F32, castsB = narrow && b.DType == DType.F32, castsBias = narrowBias && bias?.DType == DType.F32;
        long bytesA = castsA ? Bf16Bytes(a) : 0, bytesB = castsB ? Bf16Bytes(b) : 0, bytesBias = castsBias ? Bf16Bytes(bias!) : 0;
        var scratch = bytesA + bytesB + bytesBias > 0 ? Scratch(bytesA + bytesB + bytesBias) : 0;
        return new GemmOperands(
            castsA ? ToBf16(a, scratch) : a.Address,
            castsB ? ToBf16(b, (nint)(scratch + bytesA)) : b.Address,
            args.Accumulate ? args.C.Address : args.Residual?.Address ?? args.C.Address,
            args.C.Address,
            castsBias ? ToBf16(bias!, (nint)(scratch + bytesA + bytesB)) : bias?.Address ?? 0,
            (args.PreActivation ?? args.GeluGradientOf)?.Address ?? 0);
    }

    private static long Bf16Bytes(Tensor tensor) => ((tensor.Shape.Count * 2) + ScratchAlignment - 1) / ScratchAlignment * ScratchAlignment;

    private nint ToBf16(Tensor from, nint to)
    {
        const int Threads = 256, PerThread = 8;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(from);
        arguments.Add(to);
        arguments.Add(from.Shape.Count);
        _kernels.Get("elementwise", "elementwise_from_float", ("LDAE_BF16", 1))
            .Launch(_stream, Grid.Over(from.Shape.Count, Threads * PerThread), Threads, 0, ref arguments);
        return to;
    }

    /// <summary>Bias, GELU, slope of GELU and residual over the plain product in C.</summary>
    private void ApplyEpilogue(in MatMulArgs args)
    {
        if (args is { Bias: null, PreActivation: null, GeluGradientOf: null, Residual: null })
        {
            return;
        }

        const int Threads = 256;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Bias);
        arguments.Add(args.GeluGradientOf);
        arguments.Add(args.Residual);
        arguments.Add(args.PreActivation);
        arguments.Add(args.C);
        arguments.Add(args.M);
        arguments.Add(args.N);
        arguments.Add(args.Residual?.Shape.Rows ?? 1);
        _kernels.Get(
                "epilogue",
                "epilogue_apply",
                ("LDAE_BF16", args.C.DType == DType.BF16 ? 1 : 0),
                ("BIAS_BF16", args.Bias?.DType == DType.BF16 ? 1 : 0))
            .Launch(_stream, Grid.Over((long)args.M * args.N, Threads), Threads, 0, ref arguments);
    }

    private static CublasLtType TypeOf(Tensor tensor) => tensor.DType == DType.BF16 ? CublasLtType.BF16 : CublasLtType.F32;
}
