using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Patches, latent noise and time.</content>
public sealed unsafe partial class CudaBackend
{
    void IKernels.TimestepEmbedding(Tensor t, Tensor y)
    {
        int images = y.Shape.Rows, half = y.Shape.Columns / 2;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(t);
        arguments.Add(y);
        arguments.Add(images);
        arguments.Add(half);
        _kernels.Get("timestep", "timestep_sinusoids", RealOf(y)).Launch(_stream, Grid.Over((long)images * half, PackThreads), PackThreads, 0, ref arguments);
    }

    void IKernels.Patchify(Tensor images, int patch, Tensor range, Tensor patches)
    {
        var entry = images.DType == DType.U8 ? "patchify_forward" : "patchify_values";
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(images);
        arguments.Add(range);
        arguments.Add(patches);
        arguments.Add(patches.Shape.Count);
        arguments.Add(images.Shape[1]);
        arguments.Add(images.Shape[2]);
        arguments.Add(patch);
        LaunchPacks("patchify", entry, patches, ref arguments);
    }

    void IKernels.LatentNoise(in LatentNoiseArgs args)
    {
        int images = args.Clean.Shape[0], tokens = args.Clean.Shape[1], columns = args.Clean.Shape[2], components = args.Dim;
        if (args.Basis is not { } basis)
        {
            IdentityNoise(args);
            return;
        }

        if (components > MostFusedComponents)
        {
            WideNoise(args, basis);
            return;
        }

        var shape = PatchShape.Of(columns);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Clean);
        AddLatentSpace(args, ref arguments);
        arguments.Add(args.Noisy);
        arguments.Add(args.Latents);
        AddNoisePlace(args, ref arguments);
        arguments.Add(images * tokens);
        arguments.Add(tokens);
        arguments.Add(columns);
        arguments.Add(components);
        var aligned = AlignedPatches(columns, args.Clean, args.Mean, args.Basis, args.Noisy);
        var blocks = Grid.Over((long)images * tokens, shape.BlockPatches);
        LaunchPatches("latent_noise", "latent_noise_forward", RealOf(args.Clean), aligned, shape, blocks, shape.SharedBytes(components), ref arguments);
    }

    void IKernels.LatentNoiseFromImages(Tensor images, int patch, Tensor range, in LatentNoiseArgs args)
    {
        // The clean patches, which are the targets, are written beside the noisy ones instead of being read again.
        if (args.Basis is null || args.Dim > MostFusedComponents)
        {
            this.Patchify(images, patch, range, args.Clean);
            this.LatentNoise(args);
            return;
        }

        int columns = args.Clean.Shape[2], components = args.Dim;
        var entry = images.DType == DType.U8 ? "latent_noise_from_images" : "latent_noise_from_values";
        var shape = PatchShape.Of(columns);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(images);
        arguments.Add(range);
        AddLatentSpace(args, ref arguments);
        arguments.Add(args.Clean);
        arguments.Add(args.Noisy!);
        arguments.Add(args.Latents);
        AddNoisePlace(args, ref arguments);
        arguments.Add(args.Clean.Shape.Rows);
        arguments.Add(images.Shape[1]);
        arguments.Add(images.Shape[2]);
        arguments.Add(patch);
        arguments.Add(components);
        var aligned = AlignedPatches(columns, args.Clean, args.Mean, args.Basis, args.Noisy);
        var blocks = Grid.Over(args.Clean.Shape.Rows, shape.BlockPatches);
        LaunchPatches("latent_noise", entry, RealOf(args.Clean), aligned, shape, blocks, shape.SharedBytes(components), ref arguments);
    }

    private void IdentityNoise(in LatentNoiseArgs args)
    {
        const int Threads = 256;
        int images = args.Clean.Shape[0], columns = args.Clean.Shape[2], imageValues = checked(args.Clean.Shape[1] * columns);
        var pack = args.Clean.DType == DType.BF16 ? 8 : 4;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Clean);
        arguments.Add(args.Mean);
        arguments.Add(args.LatentStd);
        arguments.Add(args.Gamma);
        arguments.Add(args.Sigma);
        arguments.Add(args.Noisy);
        arguments.Add(args.Latents);
        AddNoisePlace(args, ref arguments);
        arguments.Add(imageValues);
        arguments.Add(columns);

        // An image's first pack may begin up to three values before it.
        var blocks = Grid.Over(imageValues + 3L, Threads * pack);
        _kernels.Get("identity_noise", "identity_noise_forward", RealOf(args.Clean)).Launch(_stream, new Grid(images, blocks.X), Threads, 0, ref arguments);
    }

    private static void AddLatentSpace(in LatentNoiseArgs args, ref KernelArguments arguments)
    {
        arguments.Add(args.Mean);
        arguments.Add(args.Basis);
        arguments.Add(args.LatentStd);
        arguments.Add(args.Gamma);
        arguments.Add(args.Sigma);
    }

    private void AddNoisePlace(in LatentNoiseArgs args, ref KernelArguments arguments)
    {
        arguments.Add(args.Seed);
        arguments.Add((ulong)args.FirstImage);
        arguments.Add(args.Step);
        arguments.Add(RecordedStep);
    }

    private void LaunchPatches(
        string family,
        string entry,
        (string Name, int Value) real,
        (string Name, int Value) aligned,
        PatchShape shape,
        Grid blocks,
        int sharedBytes,
        ref KernelArguments arguments,
        int threads = PatchShape.Threads) =>
        _kernels.Get(family, entry, real, aligned, ("PATCH_LANES", shape.Lanes), ("PATCH_QUADS", shape.Quads), ("PATCH_ROWS", shape.Rows))
            .Launch(_stream, blocks, threads, sharedBytes, ref arguments);

    /// <summary>Patches move in quads: rows of a multiple of four values, from addresses that are multiples of 16 bytes.</summary>
    private static (string Name, int Value) AlignedPatches(int columns, params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (tensor is not null && tensor.Address % 16 != 0)
            {
                return ("LDAE_ALIGNED", 0);
            }
        }

        return ("LDAE_ALIGNED", columns % 4 == 0 ? 1 : 0);
    }
}
