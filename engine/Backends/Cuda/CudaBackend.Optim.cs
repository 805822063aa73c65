using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Optimizers: one pass over flat buffers, four values a thread.</content>
public sealed unsafe partial class CudaBackend
{
    private const int Quad = 4;

    void IKernels.AdamW(in AdamWArgs args)
    {
        var count = args.Values.Shape.Count;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Values);
        arguments.Add(args.Gradients);
        arguments.Add(args.FirstMoment);
        arguments.Add(args.SecondMoment);
        arguments.Add(args.RateScale);
        arguments.Add(args.Decay);
        arguments.Add(args.Average);
        arguments.Add(args.Rounded);
        arguments.Add(args.ClipScale);
        arguments.Add(Recorded(args.Schedule));
        arguments.Add(count);
        var (rate, correction1, correction2) = args.Numbers;
        arguments.Add(rate);
        arguments.Add(correction1);
        arguments.Add(correction2);
        arguments.Add((float)args.Beta1);
        arguments.Add((float)(1 - args.Beta1));
        arguments.Add((float)args.Beta2);
        arguments.Add((float)(1 - args.Beta2));
        arguments.Add((float)args.Epsilon);
        arguments.Add((float)args.WeightDecay);
        arguments.Add((float)(1 - args.AverageDecay));
        LaunchQuads("optimizer_adamw", count, ref arguments);
    }

    void IKernels.Ema(Tensor values, double decay, Tensor average)
    {
        var count = values.Shape.Count;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(values);
        arguments.Add(average);
        arguments.Add(count);
        arguments.Add((float)(1 - decay));
        LaunchQuads("optimizer_ema", count, ref arguments);
    }

    void IKernels.GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale)
    {
        var parts = SumParts(x.Shape.Count);
        var part = Scratch((long)parts * sizeof(float));
        SquareSum(x, null, null, 0, part, parts);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(part);
        arguments.Add(parts);
        arguments.Add((float)limit);
        arguments.Add(norm);
        arguments.Add(scale);
        _kernels.Get("optimizer", "optimizer_norm").Launch(_stream, 1, SumThreads, SumSharedBytes, ref arguments);
    }

    void IKernels.Sgd(in SgdArgs args)
    {
        var count = args.Values.Shape.Count;
        var ratio = args.Trust > 0 ? TrustRatio(args) : 0;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Values);
        arguments.Add(args.Gradients);
        arguments.Add(args.Velocity);
        arguments.Add(ratio);
        arguments.Add(args.ClipScale);
        arguments.Add(Recorded(args.Schedule));
        arguments.Add(count);
        arguments.Add((float)args.LearningRate);
        arguments.Add((float)args.Momentum);
        arguments.Add((float)args.Decay);
        LaunchQuads("optimizer_sgd", count, ref arguments);
    }

    /// <summary>LARS's trust |p| / |clip g + decay p|, in scratch memory.</summary>
    private nint TrustRatio(in SgdArgs args)
    {
        var parts = SumParts(args.Values.Shape.Count);
        var ratio = Scratch(((2L * parts) + 1) * sizeof(float));
        nint values = ratio + sizeof(float), steps = values + (parts * sizeof(float));
        SquareSum(args.Values, null, null, 0, values, parts);
        SquareSum(args.Gradients, args.ClipScale, args.Values, (float)args.Decay, steps, parts);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(values);
        arguments.Add(steps);
        arguments.Add(parts);
        arguments.Add((float)args.Trust);
        arguments.Add(ratio);
        _kernels.Get("optimizer", "optimizer_trust").Launch(_stream, 1, SumThreads, SumSharedBytes, ref arguments);
        return ratio;
    }

    /// <summary>Partial sums of a flat buffer: a function of its length alone, so that the order of a sum is too.</summary>
    private static int SumParts(long count) => (int)Math.Clamp((count + (4L * SumThreads * Quad) - 1) / (4L * SumThreads * Quad), 1, 1024);

    private void SquareSum(Tensor x, Tensor? scale, Tensor? y, float decay, nint part, int parts)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(x);
        arguments.Add(scale);
        arguments.Add(y);
        arguments.Add(decay);
        arguments.Add(part);
        arguments.Add(x.Shape.Count);
        _kernels.Get("optimizer", "optimizer_square_sum").Launch(_stream, parts, SumThreads, SumSharedBytes, ref arguments);
    }

    private void LaunchQuads(string entry, long count, ref KernelArguments arguments) =>
        _kernels.Get("optimizer", entry).Launch(_stream, Grid.Over(count, PackThreads * Quad), PackThreads, 0, ref arguments);
}
