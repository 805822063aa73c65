namespace LDaeCore.Engine.Backends.Cuda;

/// <content>The latent of a variational autoencoder; see kernels/gaussian.cu.</content>
public sealed unsafe partial class CudaBackend
{
    void IKernels.GaussianLatent(in GaussianLatentArgs args)
    {
        var count = checked((int)args.Mean.Shape.Count);
        var blocks = Grid.Over(count, SumThreads);
        var part = Scratch((long)blocks.X * sizeof(float));
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Mean);
        arguments.Add(args.LogVariance);
        arguments.Add(args.Latents);
        arguments.Add(part);
        AddGaussianPlace(args, ref arguments);
        _kernels.Get("gaussian", "gaussian_latent_forward", RealOf(args.Mean)).Launch(_stream, blocks, SumThreads, SumSharedBytes, ref arguments);
        arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(args.Divergence);
        arguments.Add(blocks.X);
        arguments.Add(count);
        _kernels.Get("losses", "losses_mean", RealOf(args.Mean)).Launch(_stream, 1, SumThreads, SumSharedBytes, ref arguments);
    }

    void IKernels.GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Mean);
        arguments.Add(args.LogVariance);
        arguments.Add(gradients.DLatents);
        arguments.Add(gradients.DDivergence);
        arguments.Add(gradients.DMean);
        arguments.Add(gradients.DLogVariance);
        AddGaussianPlace(args, ref arguments);
        arguments.Add(gradients.AccumulateMean ? 1 : 0);
        arguments.Add(gradients.AccumulateLogVariance ? 1 : 0);
        _kernels.Get("gaussian", "gaussian_latent_backward", RealOf(args.Mean))
            .Launch(_stream, Grid.Over(args.Mean.Shape.Count, SumThreads), SumThreads, 0, ref arguments);
    }

    private void AddGaussianPlace(in GaussianLatentArgs args, ref KernelArguments arguments)
    {
        arguments.Add(args.Seed);
        arguments.Add((ulong)args.FirstElement);
        arguments.Add(args.Step);
        arguments.Add(RecordedStep);
        arguments.Add(checked((int)args.Mean.Shape.Count));
    }
}
