using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Losses: partial sums a block, then one block that adds them.</content>
public sealed unsafe partial class CudaBackend
{
    private const int SumThreads = 256, SumSharedBytes = SumThreads / 32 * sizeof(float);

    void IKernels.SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
    {
        const int Rows = 8;
        int rows = logits.Shape.Rows, classes = logits.Shape.Columns;
        var blocks = Grid.Over(rows, Rows);
        var part = Scratch((long)blocks.X * sizeof(float));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(logits);
        arguments.Add(labels);
        arguments.Add(dLogits);
        arguments.Add(part);
        arguments.Add(rows);
        arguments.Add(classes);
        _kernels.Get("losses", "losses_cross_entropy", RealOf(logits)).Launch(_stream, blocks, SumThreads, SumSharedBytes, ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(loss);
        arguments.Add(blocks.X);
        arguments.Add(rows);
        _kernels.Get("losses", "losses_mean", RealOf(logits)).Launch(_stream, 1, SumThreads, SumSharedBytes, ref arguments);
    }

    void IKernels.SquaredError(in SquaredErrorArgs args)
    {
        // Enough blocks for every multiprocessor, each with some packs a thread.
        const int MostBlocks = 1024, BlockValues = SumThreads * 32;
        var (images, count) = (args.Prediction.Shape[0], args.Prediction.Shape.Count);
        var imageValues = count / images;
        var grid = new Grid(images, (int)Math.Clamp((imageValues + BlockValues - 1) / BlockValues, 1, Math.Max(1, MostBlocks / images)));
        var part = Scratch((long)grid.X * grid.Y * sizeof(float));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Prediction);
        arguments.Add(args.Target);
        arguments.Add(args.Weight);
        arguments.Add(args.DPrediction);
        arguments.Add(part);
        arguments.Add((float)(args.Scale / count));
        arguments.Add(imageValues);
        _kernels.Get("losses", "losses_squared_error", RealOf(args.Prediction)).Launch(_stream, grid, SumThreads, SumSharedBytes, ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(args.Loss);
        arguments.Add(grid.X * grid.Y);
        _kernels.Get("losses", "losses_sum", RealOf(args.Prediction)).Launch(_stream, 1, SumThreads, SumSharedBytes, ref arguments);
    }

    void IKernels.PcaLoss(in PcaLossArgs args)
    {
        int images = args.Prediction.Shape[0], tokens = args.Prediction.Shape[1], columns = args.Prediction.Shape[2], components = args.Basis.Shape.Rows;
        if (components > MostFusedComponents)
        {
            WideLoss(args);
            return;
        }

        var shape = PatchShape.Of(columns);
        var blocks = Grid.Over((long)images * tokens, shape.BlockPatches);
        var part = Scratch(2L * blocks.X * sizeof(float));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Prediction);
        arguments.Add(args.Clean);
        arguments.Add(args.Basis);
        arguments.Add(args.Lambda);
        arguments.Add(args.DPrediction);
        arguments.Add(part);
        arguments.Add((float)args.KeptWeight);
        arguments.Add((float)args.ResidualWeight);
        arguments.Add(images * tokens);
        arguments.Add(tokens);
        arguments.Add(columns);
        arguments.Add(components);
        var aligned = AlignedPatches(columns, args.Prediction, args.Clean, args.Basis, args.DPrediction);
        LaunchPatches("pca_loss", "pca_loss_forward", RealOf(args.Prediction), aligned, shape, blocks, shape.SharedBytes(components) + SumSharedBytes, ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(blocks.X);
        arguments.Add((float)args.KeptWeight);
        arguments.Add((float)args.ResidualWeight);
        arguments.Add(args.Loss);
        LaunchPatches("pca_loss", "pca_loss_total", RealOf(args.Prediction), aligned, shape, 1, SumSharedBytes, ref arguments, SumThreads);
    }
}
