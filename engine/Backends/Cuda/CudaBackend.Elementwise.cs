using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Elementwise primitives and passes along rows.</content>
public sealed unsafe partial class CudaBackend
{
    /// <summary>Threads of a block of every kernel in which a thread owns a pack.</summary>
    private const int PackThreads = 256;

    void IKernels.Add(Tensor x, Tensor result, bool accumulate)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(result);
        arguments.Add(x.Shape.Count);
        arguments.Add(accumulate ? 1 : 0);
        LaunchPacks("elementwise", "elementwise_add", result, ref arguments);
    }

    void IKernels.Scale(Tensor tensor, Tensor factor)
    {
        // The gradient of a loss that is followed by its parts: its first element counts.
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(tensor);
        arguments.Add(factor);
        arguments.Add(tensor.Shape.Count);
        LaunchPacks("elementwise", "elementwise_scale", tensor, ref arguments);
    }

    void IKernels.GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) => SlopeTimes("gelu", "gelu_backward", dy, x, dx, accumulate);

    void IKernels.GeluErf(Tensor x, Tensor y) => Activate("gelu", "gelu_erf_forward", x, y);

    void IKernels.GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) => SlopeTimes("gelu", "gelu_erf_backward", dy, x, dx, accumulate);

    void IKernels.Silu(Tensor x, Tensor y) => Activate("elementwise", "elementwise_silu_forward", x, y);

    void IKernels.SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) =>
        SlopeTimes("elementwise", "elementwise_silu_backward", dy, x, dx, accumulate);

    void IKernels.SumRows(Tensor x, Tensor result, bool accumulate)
    {
        const int FewestRows = 64, MostBlocks = 1024, Warps = 8;
        int rows = x.Shape.Rows, columns = x.Shape.Columns, pack = PackOf(x);
        var (across, aligned) = ((columns + (32 * pack) - 1) / (32 * pack), Aligned(columns, x));

        // The cut depends on the shape alone, so the sums meet in the same order on every GPU.
        var chunk = Math.Max(FewestRows, (int)(((long)rows * across / MostBlocks) + Warps - 1) / Warps * Warps);
        var chunks = (rows + chunk - 1) / chunk;
        var part = Scratch((long)chunks * columns * sizeof(float));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(part);
        arguments.Add(rows);
        arguments.Add(columns);
        arguments.Add(chunk);
        _kernels.Get("rows", "rows_sum_partial", RealOf(x), aligned)
            .Launch(_stream, new Grid(across, chunks), PackThreads, Warps * 32 * pack * sizeof(float), ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(result);
        arguments.Add(chunks);
        arguments.Add(columns);
        arguments.Add(accumulate ? 1 : 0);
        _kernels.Get("rows", "rows_sum_final", RealOf(x), aligned)
            .Launch(_stream, Grid.Over(columns, 32), PackThreads, PackThreads * sizeof(float), ref arguments);
    }

    void IKernels.MeanPool(Tensor x, Tensor y)
    {
        const int Warps = 8;
        int images = x.Shape[0], tokens = x.Shape[1], columns = x.Shape[2], pack = PackOf(x);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(y);
        arguments.Add(tokens);
        arguments.Add(columns);
        _kernels.Get("rows", "rows_mean_forward", RealOf(x), Aligned(columns, x))
            .Launch(_stream, new Grid((columns + (32 * pack) - 1) / (32 * pack), images), PackThreads, Warps * 32 * pack * sizeof(float), ref arguments);
    }

    void IKernels.MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        int images = dx.Shape[0], tokens = dx.Shape[1], columns = dx.Shape[2], pack = PackOf(dx);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(dy);
        arguments.Add(dx);
        arguments.Add(tokens);
        arguments.Add(columns);
        arguments.Add(accumulate ? 1 : 0);
        _kernels.Get("rows", "rows_mean_backward", RealOf(dx), Aligned(columns, dx, dy))
            .Launch(_stream, new Grid((columns + (PackThreads * pack) - 1) / (PackThreads * pack), tokens, images), PackThreads, 0, ref arguments);
    }

    void IKernels.GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate)
    {
        int rows = y.Shape.Rows, columns = y.Shape.Columns, packs = (columns + PackOf(y) - 1) / PackOf(y);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(index);
        arguments.Add(fill);
        arguments.Add(y);
        arguments.Add((long)rows * packs);
        arguments.Add(packs);
        arguments.Add(columns);
        arguments.Add(accumulate ? 1 : 0);
        _kernels.Get("rows", "rows_gather", RealOf(y), Aligned(columns, x, fill, y))
            .Launch(_stream, Grid.Over((long)rows * packs, PackThreads), PackThreads, 0, ref arguments);
    }

    private void Activate(string family, string entry, Tensor x, Tensor y)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(y);
        arguments.Add(x.Shape.Count);
        LaunchPacks(family, entry, y, ref arguments);
    }

    private void SlopeTimes(string family, string entry, Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(dy);
        arguments.Add(x);
        arguments.Add(dx);
        arguments.Add(dx.Shape.Count);
        arguments.Add(accumulate ? 1 : 0);
        LaunchPacks(family, entry, dx, ref arguments);
    }

    /// <summary>Starts a kernel in which a thread owns one pack of 16 bytes of <paramref name="result"/>.</summary>
    private void LaunchPacks(string family, string entry, Tensor result, ref KernelArguments arguments) =>
        _kernels.Get(family, entry, RealOf(result))
            .Launch(_stream, Grid.Over(result.Shape.Count, PackThreads * PackOf(result)), PackThreads, 0, ref arguments);

    /// <summary>The constant by which a kernel knows the type it stores, from a tensor rather than from the backend: gradients of parameters are F32.</summary>
    private static (string Name, int Value) RealOf(Tensor tensor) => tensor.DType switch
    {
        DType.BF16 => ("LDAE_BF16", 1),
        DType.F32 => ("LDAE_BF16", 0),
        _ => throw new ArgumentException($"A CUDA kernel computes in BF16 or F32; {tensor} does not fit.", nameof(tensor)),
    };

    /// <summary>Values in an access of 16 bytes.</summary>
    private static int PackOf(Tensor tensor) => 16 / tensor.DType.Size();

    /// <summary>
    /// Whether every row of every tensor starts at a multiple of 16 bytes, so that kernels may promise it. <paramref name="columns"/>
    /// decides for tensors of the smaller type; a wider type's rows are multiples of more.
    /// </summary>
    private static (string Name, int Value) Aligned(int columns, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (tensor is not null && (columns * tensor.DType.Size() % 16 != 0 || tensor.Address % 16 != 0))
            {
                return ("LDAE_ALIGNED", 0);
            }
        }

        return ("LDAE_ALIGNED", 1);
    }

    private static void Require(Tensor? tensor, DType type, long count)
    {
        if (tensor is not null && (tensor.DType != type || tensor.Shape.Count != count))
        {
            throw new ArgumentException($"{type} of {count} elements is wanted here; {tensor} does not fit.");
        }
    }
}
