using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>
/// Convolutions as products of tiles of windows: kernels/convolution.cu copies a tile's rows together, cuBLASLt multiplies them, and the next
/// tile overwrites them. Up-sampling, and images to patches and back.
/// </content>
public sealed unsafe partial class CudaBackend
{
    private const int WindowRows = 128;

    /// <summary>About how many values a tile of windows has: 32 MB in bf16, which an L2 cache of 50 MB and more still holds.</summary>
    internal int WindowElements { get; init; } = 1 << 24;

    void IKernels.Convolution(in ConvolutionArgs args)
    {
        var windows = ConvolutionWindows.OfInput(args);
        var tile = windows.TileRows(WindowElements, WindowRows);
        int outputs = args.Outputs, columns = windows.Columns;

        // One piece of scratch memory for all that the products read: none of them may ask for more.
        var (weight, bias) = (args.Weight.Rounded ?? args.Weight, args.Bias?.Rounded ?? args.Bias);
        bool castsWeight = IsBf16 && weight.DType == DType.F32, castsBias = IsBf16 && bias?.DType == DType.F32;
        long windowBytes = WindowBytes(windows, tile), weightBytes = castsWeight ? Bf16Bytes(weight) : 0;
        var scratch = Scratch(windowBytes + weightBytes + (castsBias ? Bf16Bytes(bias!) : 0) + ScratchAlignment);
        var matrix = new Tensor(new Shape(outputs, columns), ActivationType, castsWeight ? ToBf16(weight, (nint)(scratch + windowBytes)) : weight.Address);
        var added = bias is null ? null
            : new Tensor(new Shape(outputs), ActivationType, castsBias ? ToBf16(bias, (nint)(scratch + windowBytes + weightBytes)) : bias.Address);
        for (var first = 0; first < windows.Rows; first += tile)
        {
            var rows = Math.Min(tile, windows.Rows - first);
            this.MatMul(new MatMulArgs(Gather(windows, args.X, first, rows, scratch), false, matrix, true, RowsOf(args.Y, first, rows))
            {
                Bias = added,
                Residual = args.Residual is { } residual ? RowsOf(residual, first, rows) : null,
            });
        }
    }

    void IKernels.ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate)
    {
        var windows = ConvolutionWindows.OfOutput(args);
        var tile = windows.TileRows(WindowElements, WindowRows);
        var windowBytes = WindowBytes(windows, tile);
        var scratch = Scratch(windowBytes + (args.Weight.Shape.Count * ActivationType.Size()) + ScratchAlignment);
        var swapped = new Tensor(new Shape(windows.Columns, args.Inputs), ActivationType, (nint)(scratch + windowBytes));
        SwapWeight(args, swapped);
        for (var first = 0; first < windows.Rows; first += tile)
        {
            var rows = Math.Min(tile, windows.Rows - first);
            this.MatMul(new MatMulArgs(Gather(windows, dy, first, rows, scratch), false, swapped, false, RowsOf(dx, first, rows)) { Accumulate = accumulate });
        }
    }

    void IKernels.ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate)
    {
        var windows = ConvolutionWindows.OfInput(args);
        var tile = windows.TileRows(WindowElements, WindowRows);
        var scratch = Scratch(WindowBytes(windows, tile) + ScratchAlignment);
        var matrix = new Tensor(new Shape(args.Outputs, windows.Columns), DType.F32, dWeight.Address);
        for (var first = 0; first < windows.Rows; first += tile)
        {
            var rows = Math.Min(tile, windows.Rows - first);
            this.MatMul(new MatMulArgs(RowsOf(dy, first, rows), true, Gather(windows, args.X, first, rows, scratch), false, matrix) { Accumulate = accumulate || first > 0 });
        }
    }

    void IKernels.Upsample(Tensor x, Tensor y)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(y);
        arguments.Add(y.Shape.Count);
        arguments.Add(x.Shape[2]);
        arguments.Add(x.Shape[3]);
        LaunchMoves("resample_up_forward", y, Aligned(x.Shape[3], x, y), ref arguments);
    }

    void IKernels.UpsampleBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(dy);
        arguments.Add(dx);
        arguments.Add(dx.Shape.Count);
        arguments.Add(dx.Shape[2]);
        arguments.Add(dx.Shape[3]);
        arguments.Add(accumulate ? 1 : 0);
        LaunchMoves("resample_up_backward", dx, Aligned(dx.Shape[3], dx, dy), ref arguments);
    }

    void IKernels.ToPatches(Tensor image, int patch, Tensor patches, bool accumulate) =>
        MovePatches("resample_to_patches", image, patches, image, patch, accumulate);

    void IKernels.FromPatches(Tensor patches, int patch, Tensor image, bool accumulate) =>
        MovePatches("resample_from_patches", patches, image, image, patch, accumulate);

    private void MovePatches(string entry, Tensor from, Tensor to, Tensor image, int patch, bool accumulate)
    {
        var run = patch * image.Shape[3];
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(from);
        arguments.Add(to);
        arguments.Add(to.Shape.Count);
        arguments.Add(patch);
        arguments.Add(image.Shape[2] / patch);
        arguments.Add(run);
        arguments.Add(accumulate ? 1 : 0);
        LaunchMoves(entry, to, Aligned(run, from, to), ref arguments);
    }

    private void LaunchMoves(string entry, Tensor result, (string Name, int Value) aligned, ref KernelArguments arguments) =>
        _kernels.Get("resample", entry, RealOf(result), aligned)
            .Launch(_stream, Grid.Over(result.Shape.Count, PackThreads * PackOf(result)), PackThreads, 0, ref arguments);

    /// <summary>Rows of the matrix of windows; the source itself where it is that matrix.</summary>
    private Tensor Gather(in ConvolutionWindows windows, Tensor source, int first, int rows, nint scratch)
    {
        if (windows.IsSource)
        {
            return RowsOf(source, first, rows);
        }

        var tile = new Tensor(new Shape(rows, windows.Columns), source.DType, scratch);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(source);
        arguments.Add(tile);
        arguments.Add(tile.Shape.Count);
        arguments.Add(first);
        arguments.Add(windows.Height);
        arguments.Add(windows.Width);
        arguments.Add(windows.SourceHeight);
        arguments.Add(windows.SourceWidth);
        arguments.Add(windows.Channels);
        arguments.Add(windows.KernelWidth);
        arguments.Add(windows.Columns);
        arguments.Add(windows.Stride);
        arguments.Add(windows.Offset);
        arguments.Add(windows.Direction);
        arguments.Add(windows.Divisor);
        _kernels.Get("convolution", "convolution_gather", RealOf(source), Aligned(windows.Channels, source))
            .Launch(_stream, Grid.Over(tile.Shape.Count, PackThreads * PackOf(tile)), PackThreads, 0, ref arguments);
        return tile;
    }

    private void SwapWeight(in ConvolutionArgs args, Tensor swapped)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Weight);
        arguments.Add(swapped);
        arguments.Add(args.Outputs);
        arguments.Add(args.Taps);
        arguments.Add(args.Inputs);
        _kernels.Get("convolution", "convolution_swap_weight", Real, ("LDAE_ALIGNED", 0))
            .Launch(_stream, Grid.Over(args.Weight.Shape.Count, PackThreads), PackThreads, 0, ref arguments);
    }

    private long WindowBytes(in ConvolutionWindows windows, int tile)
    {
        var bytes = windows.IsSource ? 0 : (long)Math.Min(tile, windows.Rows) * windows.Columns * ActivationType.Size();
        return (bytes + ScratchAlignment - 1) / ScratchAlignment * ScratchAlignment;
    }

    /// <summary>Rows of a tensor seen as a matrix.</summary>
    private static Tensor RowsOf(Tensor tensor, int first, int rows)
    {
        var columns = tensor.Shape.Columns;
        return new Tensor(new Shape(rows, columns), tensor.DType, (nint)(tensor.Address + ((long)first * columns * tensor.DType.Size())));
    }
}
