using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Layer and batch normalisation.</content>
public sealed unsafe partial class CudaBackend
{
    void IKernels.LayerNorm(in LayerNormArgs args)
    {
        int rows = args.X.Shape.Rows, columns = args.X.Shape.Columns;
        var shape = RowShape.Forward(columns, PackOf(args.X));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.X);
        arguments.Add(args.Branch);
        arguments.Add(ChunkOf(args.Gate, columns));
        arguments.Add(ChunkOf(args.Shift, columns));
        arguments.Add(ChunkOf(args.Scale, columns));
        arguments.Add(args.Weight);
        arguments.Add(args.Bias);
        arguments.Add(args.H);
        arguments.Add(args.Y);
        arguments.Add(args.Mean);
        arguments.Add(args.Rstd);
        arguments.Add(rows);
        arguments.Add(columns);
        arguments.Add(rows / args.Images);
        arguments.Add(StrideOf(args.Gate));
        arguments.Add(StrideOf(args.Shift));
        arguments.Add(StrideOf(args.Scale));
        arguments.Add((float)args.Epsilon);
        var aligned = Aligned(columns, args.X, args.Branch, args.Gate?.Table, args.Shift?.Table, args.Scale?.Table, args.Weight, args.Bias, args.H, args.Y);
        _kernels.Get("layernorm", "layernorm_forward", RealOf(args.X), aligned, ("ROW_THREADS", shape.Threads), ("ROW_PACKS", shape.Packs))
            .Launch(_stream, Grid.Over(rows, shape.Groups), shape.BlockThreads, SharedOfWarps(shape, 1), ref arguments);
    }

    void IKernels.LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients)
    {
        int columns = args.X.Shape.Columns, tokens = args.X.Shape.Rows / args.Images, pack = PackOf(args.X);
        var shape = RowShape.Backward(columns, pack);
        var normalized = gradients.DY is not null && args.Y is not null;
        var dGate = args.Branch is null ? null : gradients.DGate;
        var parameters = normalized && (gradients.DWeight ?? gradients.DBias) is not null;
        var tables = dGate is not null || (normalized && (gradients.DShift ?? gradients.DScale) is not null);

        // Fewer rows a block where there would be few blocks; by the shape alone, so that sums meet in one order everywhere.
        var chunk = (long)args.Images * ((tokens + 63) / 64) >= 512 ? 64 : 16;
        var chunks = (tokens + chunk - 1) / chunk;
        var part = parameters || tables ? Scratch(3L * args.Images * chunks * columns * sizeof(float)) : 0;
        var aligned = Aligned(
            columns, args.X, args.H, args.Branch, args.Gate?.Table, args.Scale?.Table, args.Weight, gradients.DY, gradients.DH, gradients.DX, gradients.DBranch);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.H ?? args.X);
        arguments.Add(dGate is null ? null : args.Branch);
        arguments.Add(ChunkOf(args.Gate, columns));
        arguments.Add(ChunkOf(args.Scale, columns));
        arguments.Add(args.Weight);
        arguments.Add(args.Mean);
        arguments.Add(args.Rstd);
        arguments.Add(normalized ? gradients.DY : null);
        arguments.Add(gradients.DH);
        arguments.Add(gradients.DX);
        arguments.Add(args.Branch is null ? null : gradients.DBranch);
        arguments.Add(part);
        arguments.Add(columns);
        arguments.Add(tokens);
        arguments.Add(chunk);
        arguments.Add(chunks);
        arguments.Add(StrideOf(args.Gate));
        arguments.Add(StrideOf(args.Scale));
        arguments.Add(gradients.AccumulateDX ? 1 : 0);
        var shared = SharedOfWarps(shape, 2) + (shape.BlockThreads * shape.Packs * pack * sizeof(float));
        ReadOnlySpan<(string, int)> constants = [RealOf(args.X), aligned, ("ROW_THREADS", shape.Threads), ("ROW_PACKS", shape.Packs)];
        _kernels.Get("layernorm_backward", "layernorm_backward", constants)
            .Launch(_stream, args.Images * chunks, shape.BlockThreads, shared, ref arguments);
        if (tables)
        {
            AddToTables(gradients, dGate, normalized, part, (args.Images, chunks, columns), constants);
        }

        if (parameters)
        {
            AddToParameters(gradients, part, args.Images * chunks, columns, constants);
        }
    }

    void IKernels.BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd)
    {
        int rows = x.Shape.Rows, columns = x.Shape.Columns;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(y);
        arguments.Add(mean);
        arguments.Add(rstd);
        arguments.Add(rows);
        arguments.Add(columns);
        LaunchColumns("batchnorm_forward", x, ref arguments);
    }

    void IKernels.BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate)
    {
        int rows = y.Shape.Rows, columns = y.Shape.Columns;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(dy);
        arguments.Add(y);
        arguments.Add(rstd);
        arguments.Add(dx);
        arguments.Add(rows);
        arguments.Add(columns);
        arguments.Add(accumulate ? 1 : 0);
        LaunchColumns("batchnorm_backward", y, ref arguments);
    }

    private void LaunchColumns(string entry, Tensor x, ref KernelArguments arguments)
    {
        const int Threads = 1024;
        _kernels.Get("batchnorm", entry, RealOf(x)).Launch(_stream, Grid.Over(x.Shape.Columns, 32), Threads, Threads * sizeof(float), ref arguments);
    }

    /// <summary>Second stage: each image's parts onto its row of the gradients of gate, shift and scale.</summary>
    private void AddToTables(
        in LayerNormGradients gradients,
        Modulation? dGate,
        bool normalized,
        nint part,
        (int Images, int Chunks, int Columns) size,
        ReadOnlySpan<(string Name, int Value)> constants)
    {
        var (dShift, dScale) = normalized ? (gradients.DShift, gradients.DScale) : (null, null);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(size.Chunks);
        arguments.Add(size.Columns);
        arguments.Add(ChunkOf(dGate, size.Columns));
        arguments.Add(ChunkOf(dShift, size.Columns));
        arguments.Add(ChunkOf(dScale, size.Columns));
        arguments.Add(StrideOf(dGate));
        arguments.Add(StrideOf(dShift));
        arguments.Add(StrideOf(dScale));
        _kernels.Get("layernorm_backward", "layernorm_backward_tables", constants)
            .Launch(_stream, new Grid((size.Columns + 31) / 32, size.Images, 3), PackThreads, PackThreads * sizeof(float), ref arguments);
    }

    /// <summary>Second stage: all parts onto the gradients of bias and weight.</summary>
    private void AddToParameters(in LayerNormGradients gradients, nint part, int parts, int columns, ReadOnlySpan<(string Name, int Value)> constants)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(parts);
        arguments.Add(columns);
        arguments.Add(gradients.DBias);
        arguments.Add(gradients.DWeight);
        _kernels.Get("layernorm_backward", "layernorm_backward_parameters", constants)
            .Launch(_stream, new Grid((columns + 31) / 32, 2), PackThreads, PackThreads * sizeof(float), ref arguments);
    }

    /// <summary>Bytes of a few floats a warp, rounded up to whole packs.</summary>
    private static int SharedOfWarps(RowShape shape, int floats) => ((floats * shape.BlockThreads / 32) + 3) / 4 * 4 * sizeof(float);

    /// <summary>Address of a modulation's columns in the first image's row, or 0.</summary>
    private static nint ChunkOf(Modulation? modulation, int columns) => modulation is { } m
        ? (nint)(m.Table.Address + ((long)m.Chunk * columns * m.Table.DType.Size()))
        : 0;

    private static int StrideOf(Modulation? modulation) => modulation?.Table.Shape.Columns ?? 0;
}
