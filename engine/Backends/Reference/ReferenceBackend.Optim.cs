using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Optimizers.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.AdamW(in AdamWArgs args)
    {
        Span<double> p = F64(args.Values), g = F64(args.Gradients), m = F64(args.FirstMoment), v = F64(args.SecondMoment);
        double clip = F64(args.ClipScale)[0], correction1 = 1 - Math.Pow(args.Beta1, args.Step), correction2 = 1 - Math.Pow(args.Beta2, args.Step);
        for (var i = 0; i < p.Length; i++)
        {
            var gradient = clip * g[i];
            var rate = args.RateScale is { } scale ? args.LearningRate * F64(scale)[i] : args.LearningRate;
            var decay = args.Decay is { } d ? F64(d)[i] : args.WeightDecay;
            m[i] = (args.Beta1 * m[i]) + ((1 - args.Beta1) * gradient);
            v[i] = (args.Beta2 * v[i]) + ((1 - args.Beta2) * gradient * gradient);
            p[i] = (p[i] * (1 - (rate * decay)))
                - (rate * (m[i] / correction1) / (Math.Sqrt(v[i] / correction2) + args.Epsilon));
        }

        if (args.Average is { } average)
        {
            this.Ema(args.Values, args.AverageDecay, average);
        }

        if (args.Rounded is { } rounded)
        {
            HostMemory.Round(p, rounded);
        }
    }

    void IKernels.Ema(Tensor values, double decay, Tensor average)
    {
        Span<double> p = F64(values), a = F64(average);
        for (var i = 0; i < p.Length; i++)
        {
            a[i] = (decay * a[i]) + ((1 - decay) * p[i]);
        }
    }

    void IKernels.GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale)
    {
        var length = TensorPrimitives.Norm<double>(F64(x));
        F64(norm)[0] = length;
        F64(scale)[0] = limit > 0 && length > limit ? limit / length : 1;
    }

    void IKernels.Sgd(in SgdArgs args)
    {
        Span<double> p = F64(args.Values), g = F64(args.Gradients), m = F64(args.Velocity);
        var step = new double[p.Length];
        var clip = args.ClipScale is { } c ? F64(c)[0] : 1;
        for (var i = 0; i < p.Length; i++)
        {
            step[i] = (clip * g[i]) + (args.Decay * p[i]);
        }

        double length = TensorPrimitives.Norm<double>(p), stepLength = TensorPrimitives.Norm<double>(step);
        var trust = args.Trust > 0 && length > 0 && stepLength > 0 ? args.Trust * length / stepLength : 1;
        for (var i = 0; i < p.Length; i++)
        {
            m[i] = (args.Momentum * m[i]) + (trust * step[i]);
            p[i] -= args.LearningRate * m[i];
        }
    }
}
