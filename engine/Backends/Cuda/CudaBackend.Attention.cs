using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Softmax attention.</content>
public sealed unsafe partial class CudaBackend
{
    // Of attention_plain.cu: rows of a tile, threads of a block, the largest head whose tiles fit in the shared memory of an A100.
    private const int PlainTile = 32, PlainThreads = 128, LargestPlainHead = 256;

    // The driver's limit of the second and third axis of a grid: heads and images.
    private const int MostBlocksAcross = 65_535;

    void IKernels.Attention(in AttentionArgs args)
    {
        CheckAttention(args);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Qkv);
        arguments.Add(args.Output);
        arguments.Add(args.LogSumExp);
        AddAttentionSizes(args, ref arguments);
        if (!OnTensorCores(args))
        {
            LaunchPlain("attention_plain_forward", args, 3, ref arguments);
            return;
        }

        var tiling = new AttentionTiling(args.HeadSize, args.Tokens, Device.MaxSharedBytesPerBlock);
        var kernel = _kernels.Get(
            "attention_forward",
            "attention_forward",
            ("LDAE_BF16", 1),
            ("HEAD_SIZE", args.HeadSize),
            ("ROW_TILES", tiling.RowTiles),
            ("STAGES", tiling.Stages));
        Launch(kernel, tiling.Forward, args, ref arguments);
    }

    void IKernels.AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv)
    {
        CheckAttention(args);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Qkv);
        arguments.Add(args.Output);
        arguments.Add(args.LogSumExp);
        arguments.Add(dOutput);
        arguments.Add(dQkv);
        AddAttentionSizes(args, ref arguments);
        if (!OnTensorCores(args))
        {
            LaunchPlain("attention_plain_queries", args, 4, ref arguments);
            LaunchPlain("attention_plain_keys", args, 4, ref arguments);
            return;
        }

        var tiling = new AttentionTiling(args.HeadSize, args.Tokens, Device.MaxSharedBytesPerBlock);
        Launch(Backward("attention_backward_keys", args.HeadSize, tiling), tiling.BackwardKeys, args, ref arguments);
        if (!tiling.Resident)
        {
            Launch(Backward("attention_backward_queries", args.HeadSize, tiling), tiling.BackwardQueries, args, ref arguments);
        }
    }

    private CudaKernel Backward(string entry, int size, in AttentionTiling tiling) => _kernels.Get(
        "attention_backward",
        entry,
        ("LDAE_BF16", 1),
        ("HEAD_SIZE", size),
        ("KEY_TILES", tiling.KeyTiles),
        ("RESIDENT", tiling.Resident ? 1 : 0));

    private void Launch(CudaKernel kernel, AttentionTiling.Cut cut, in AttentionArgs args, ref KernelArguments arguments) =>
        kernel.Launch(_stream, new Grid(cut.Blocks, args.Heads, args.Images), cut.Threads, cut.SharedBytes, ref arguments);

    /// <summary>Launches a kernel of attention_plain.cu.</summary>
    /// <param name="entry">Which.</param>
    /// <param name="args">The sizes.</param>
    /// <param name="tiles">Tiles of 32 rows of a head that it keeps in shared memory.</param>
    /// <param name="arguments">Its arguments.</param>
    private void LaunchPlain(string entry, in AttentionArgs args, int tiles, ref KernelArguments arguments)
    {
        // Rows of odd length, then a tile of weights, and two numbers kept for each of its rows.
        var shared = PlainTile * ((tiles * (args.HeadSize | 1)) + PlainTile + 1 + 2) * sizeof(float);
        _kernels.Get("attention_plain", entry, ("LDAE_BF16", args.Qkv.DType == DType.BF16 ? 1 : 0), ("HEAD_SIZE", args.HeadSize))
            .Launch(_stream, new Grid((args.Tokens + PlainTile - 1) / PlainTile, args.Heads, args.Images), PlainThreads, shared, ref arguments);
    }

    private static bool OnTensorCores(in AttentionArgs args) => args.Qkv.DType == DType.BF16 && AttentionTiling.Takes(args.HeadSize);

    private static void AddAttentionSizes(in AttentionArgs args, ref KernelArguments arguments)
    {
        arguments.Add(args.Heads);
        arguments.Add(args.Tokens);
        arguments.Add(1 / MathF.Sqrt(args.HeadSize));
    }

    private static void CheckAttention(in AttentionArgs args)
    {
        if (args.Heads > MostBlocksAcross || args.Images > MostBlocksAcross)
        {
            throw new ArgumentException($"Attention on a GPU takes up to {MostBlocksAcross} images and heads, not {args.Images} and {args.Heads}.", nameof(args));
        }

        if (args.HeadSize > LargestPlainHead)
        {
            throw new ArgumentException($"Attention on a GPU takes heads of up to {LargestPlainHead} columns, not {args.HeadSize}.", nameof(args));
        }
    }
}
