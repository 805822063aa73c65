using LDaeCore.Engine.Backends.Cpu.Gemm;
using LDaeCore.Engine.Backends.Cpu.Kernels;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Matrix products and attention.</content>
public sealed unsafe partial class CpuBackend
{
    void IKernels.MatMul(in MatMulArgs args)
    {
        _gemm.Run(new GemmCall
        {
            A = F32(args.A),
            B = F32(args.B),
            C = F32(args.C),
            M = args.M,
            N = args.N,
            K = args.K,
            TransposeA = args.TransposeA,
            TransposeB = args.TransposeB,
            Accumulate = args.Accumulate,
            Bias = F32OrNull(args.Bias),
            Residual = F32OrNull(args.Residual),
            ResidualRows = args.Residual?.Shape.Rows ?? 1,
            PreActivation = F32OrNull(args.PreActivation),
            GeluGradientOf = F32OrNull(args.GeluGradientOf),
        });
    }

    void IKernels.SumRows(Tensor x, Tensor result, bool accumulate)
    {
        // Blocks of 64 rows are summed where they lie, one after the other in memory, and their sums added up in order: rounding
        // grows with the root of few terms, and nothing depends on who took which block.
        const int blockRows = 64;
        int rows = x.Shape.Rows, columns = x.Shape.Columns, blocks = (rows + blockRows - 1) / blockRows;
        float* from = F32(x), to = F32(result), sums = SharedScratch((long)blocks * columns);
        _pool.Run(blocks, (block, _) =>
        {
            var sum = sums + ((nint)block * columns);
            new Span<float>(sum, columns).Clear();
            for (var r = block * blockRows; r < Math.Min(rows, (block + 1) * blockRows); r++)
            {
                AddRow(from + ((nint)r * columns), sum, columns);
            }
        });
        for (var block = 1; block < blocks; block++)
        {
            AddRow(sums + ((nint)block * columns), sums, columns);
        }

        if (accumulate)
        {
            AddRow(to, sums, columns);
        }

        new Span<float>(sums, columns).CopyTo(new Span<float>(to, columns));
    }

    void IKernels.Attention(in AttentionArgs args)
    {
        var a = args;
        ReserveThreadScratch(FlashAttention.ScratchFloats(a.Tokens, a.HeadSize));
        _pool.Run(a.Images * a.Heads, (index, worker) => FlashAttention.Forward(HeadOf(a, index), ThreadScratch(worker)));
    }

    void IKernels.AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv)
    {
        var a = args;
        ReserveThreadScratch(FlashAttention.ScratchFloats(a.Tokens, a.HeadSize));
        _pool.Run(a.Images * a.Heads, (index, worker) =>
        {
            var head = HeadOf(a, index);
            var gradient = HeadOf(a with { Qkv = dQkv, Output = dOutput }, index);
            head.DQ = gradient.Q;
            head.DK = gradient.K;
            head.DV = gradient.V;
            head.DO = gradient.O;
            FlashAttention.Backward(head, ThreadScratch(worker));
        });
    }

    private static FlashAttention.Head HeadOf(in AttentionArgs args, int index)
    {
        int image = index / args.Heads, head = index % args.Heads, width = args.Width;
        var row = (nint)image * args.Tokens;
        var q = F32(args.Qkv) + (row * 3 * width) + (head * args.HeadSize);
        return new FlashAttention.Head
        {
            Q = q,
            K = q + width,
            V = q + (2 * width),
            O = F32(args.Output) + (row * width) + (head * args.HeadSize),
            LogSumExp = F32(args.LogSumExp) + ((nint)index * args.Tokens),
            Tokens = args.Tokens,
            Size = args.HeadSize,
            Stride = 3 * width,
            OutputStride = width,
        };
    }

    private static void AddRow(float* x, float* sum, int count) =>
        TensorPrimitives.Add(new Span<float>(sum, count), new Span<float>(x, count), new Span<float>(sum, count));
}
