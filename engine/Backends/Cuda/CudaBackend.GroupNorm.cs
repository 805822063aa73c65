using System.Numerics;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Group normalisation: sums by channel and chunk of pixels first, then groups of them; see kernels/groupnorm.cu.</content>
public sealed unsafe partial class CudaBackend
{
    /// <summary>Values of a chunk of an image's pixels, about: enough to fill a block, few enough to stay in L1 for the second walk.</summary>
    private const int GroupNormChunk = 16384;

    void IKernels.GroupNorm(in GroupNormArgs args)
    {
        CheckGroupNorm(args);
        var (chunk, chunks) = ChunksOf(args);
        var aligned = Aligned(args.Channels, args.X, args.Y);
        var part = Scratch(2L * args.Images * chunks * args.Channels * sizeof(float));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.X);
        arguments.Add(part);
        arguments.Add(args.Pixels);
        arguments.Add(args.Channels);
        arguments.Add(chunk);
        LaunchChunks("groupnorm_partial", args, aligned, chunks, ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(args.Mean);
        arguments.Add(args.Rstd);
        arguments.Add(args.Pixels);
        arguments.Add(args.Channels);
        arguments.Add(chunk);
        arguments.Add(chunks);
        LaunchGroups("groupnorm_combine", args, aligned, 1, ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.X);
        arguments.Add(args.Mean);
        arguments.Add(args.Rstd);
        arguments.Add(args.Weight);
        arguments.Add(args.Bias);
        arguments.Add(args.Y);
        AddPlaces(args, ref arguments);
        LaunchApply("groupnorm_apply", args, aligned, ref arguments);
    }

    void IKernels.GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients)
    {
        CheckGroupNorm(args);
        var (chunk, chunks) = ChunksOf(args);
        var aligned = Aligned(args.Channels, args.X, gradients.DY, gradients.DX);
        var parts = 2L * args.Images * chunks * args.Channels;
        var part = Scratch((parts + (2L * args.Images * args.Groups)) * sizeof(float));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.X);
        arguments.Add(gradients.DY);
        arguments.Add(args.Mean);
        arguments.Add(args.Rstd);
        arguments.Add(part);
        arguments.Add(args.Pixels);
        arguments.Add(args.Channels);
        arguments.Add(args.Groups);
        arguments.Add(chunk);
        LaunchChunks("groupnorm_backward_partial", args, aligned, chunks, ref arguments);
        if (gradients.DX is not null)
        {
            GroupNormInputGradient(args, gradients, aligned, chunks, (part, (nint)(part + (parts * sizeof(float)))));
        }

        if ((gradients.DWeight ?? gradients.DBias) is not null)
        {
            arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
            arguments.Add(part);
            arguments.Add(args.Images * chunks);
            arguments.Add(args.Channels);
            arguments.Add(gradients.DBias);
            arguments.Add(gradients.DWeight);
            _kernels.Get("groupnorm", "groupnorm_backward_parameters", RealOf(args.X), aligned)
                .Launch(_stream, new Grid((args.Channels + 31) / 32, 2), PackThreads, PackThreads * sizeof(float), ref arguments);
        }
    }

    private void GroupNormInputGradient(
        in GroupNormArgs args, in GroupNormGradients gradients, (string Name, int Value) aligned, int chunks, (nint Part, nint Means) scratch)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(scratch.Part);
        arguments.Add(args.Weight);
        arguments.Add(scratch.Means);
        arguments.Add(args.Pixels);
        arguments.Add(args.Channels);
        arguments.Add(chunks);
        LaunchGroups("groupnorm_backward_combine", args, aligned, 2, ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.X);
        arguments.Add(gradients.DY);
        arguments.Add(args.Mean);
        arguments.Add(args.Rstd);
        arguments.Add(args.Weight);
        arguments.Add(scratch.Means);
        arguments.Add(gradients.DX);
        AddPlaces(args, ref arguments);
        arguments.Add(gradients.AccumulateDX ? 1 : 0);
        LaunchApply("groupnorm_backward_apply", args, aligned, ref arguments);
    }

    private void LaunchChunks(string entry, in GroupNormArgs args, (string Name, int Value) aligned, int chunks, ref KernelArguments arguments)
    {
        // Lanes side by side along a row, as many as the row has packs; what is left of the block takes further rows.
        var pack = PackOf(args.X);
        var lanes = (int)Math.Min(PackThreads, BitOperations.RoundUpToPowerOf2((uint)((args.Channels + pack - 1) / pack)));
        arguments.Add(lanes);
        _kernels.Get("groupnorm", entry, RealOf(args.X), aligned).Launch(
            _stream,
            new Grid((args.Channels + (lanes * pack) - 1) / (lanes * pack), chunks, args.Images),
            PackThreads,
            PackThreads * pack * sizeof(float),
            ref arguments);
    }

    private void LaunchGroups(string entry, in GroupNormArgs args, (string Name, int Value) aligned, int sums, ref KernelArguments arguments) =>
        _kernels.Get("groupnorm", entry, RealOf(args.X), aligned)
            .Launch(_stream, new Grid(args.Groups, args.Images), PackThreads, sums * PackThreads / 32 * sizeof(float), ref arguments);

    private void LaunchApply(string entry, in GroupNormArgs args, (string Name, int Value) aligned, ref KernelArguments arguments) =>
        _kernels.Get("groupnorm", entry, RealOf(args.X), aligned)
            .Launch(_stream, Grid.Over(args.X.Shape.Count, PackThreads * PackOf(args.X)), PackThreads, 0, ref arguments);

    private static void AddPlaces(in GroupNormArgs args, ref KernelArguments arguments)
    {
        arguments.Add(args.X.Shape.Count);
        arguments.Add((long)args.Pixels * args.Channels);
        arguments.Add(args.Channels);
        arguments.Add(args.Groups);
    }

    /// <summary>Pixels of a chunk, and chunks of an image; by the shape alone, so that sums meet in the same order on every GPU.</summary>
    private static (int Pixels, int Chunks) ChunksOf(in GroupNormArgs args)
    {
        var pixels = Math.Max(1, GroupNormChunk / args.Channels);
        return (pixels, (args.Pixels + pixels - 1) / pixels);
    }

    private static void CheckGroupNorm(in GroupNormArgs args)
    {
        if (args.Images > MostBlocksAcross || args.Pixels / Math.Max(1, GroupNormChunk / args.Channels) >= MostBlocksAcross)
        {
            throw new ArgumentException($"Group normalisation on a GPU takes up to {MostBlocksAcross} images and chunks of one, not {args.X}.", nameof(args));
        }

    }
}
