using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Optimizers: one pass over flat buffers.</content>
public sealed unsafe partial class CpuBackend
{
    void IKernels.AdamW(in AdamWArgs args)
    {
        var a = args;
        float* p = F32(a.Values), g = F32(a.Gradients), m = F32(a.FirstMoment), v = F32(a.SecondMoment), scale = F32OrNull(a.RateScale), decay = F32OrNull(a.Decay);
        Vector256<float> clip = Vector256.Create(*F32(a.ClipScale)), eps = Vector256.Create((float)a.Epsilon);
        Vector256<float> b1 = Vector256.Create((float)a.Beta1), c1 = Vector256.Create((float)(1 - a.Beta1));
        Vector256<float> b2 = Vector256.Create((float)a.Beta2), c2 = Vector256.Create((float)(1 - a.Beta2));
        var rate = Vector256.Create((float)(a.LearningRate / (1 - Math.Pow(a.Beta1, a.Step))));
        var correction2 = Vector256.Create((float)(1 / (1 - Math.Pow(a.Beta2, a.Step))));
        Vector256<float> minusRate = Vector256.Create(-(float)a.LearningRate), everywhere = Vector256.Create((float)a.WeightDecay);
        var decays = decay is not null || a.WeightDecay != 0;
        Pieces(a.Values.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                var at = first + i;
                var left = count - i;
                var gradient = Lanes.Load(g + at, left) * clip;
                var m1 = Vector256.MultiplyAddEstimate(b1, Lanes.Load(m + at, left), c1 * gradient);
                var v1 = Vector256.MultiplyAddEstimate(b2, Lanes.Load(v + at, left), c2 * gradient * gradient);
                var value = Lanes.Load(p + at, left);
                Vector256<float> step = rate, shrink = minusRate;
                if (scale is not null)
                {
                    var own = Lanes.Load(scale + at, left);
                    (step, shrink) = (step * own, shrink * own);
                }

                if (decays)
                {
                    value = Vector256.MultiplyAddEstimate(value, shrink * (decay is null ? everywhere : Lanes.Load(decay + at, left)), value);
                }

                Lanes.Store(m1, m + at, left);
                Lanes.Store(v1, v + at, left);
                Lanes.Store(value - (step * m1 / (Vector256.Sqrt(v1 * correction2) + eps)), p + at, left);
            }
        });
        if (args.Average is { } average)
        {
            this.Ema(args.Values, args.AverageDecay, average);
        }

        if (args.Rounded is { } rounded)
        {
            HostMemory.Round(HostMemory.Span<float>(args.Values), rounded);
        }
    }

    void IKernels.Ema(Tensor values, double decay, Tensor average)
    {
        float* p = F32(values), a = F32(average);
        var share = Vector256.Create((float)(1 - decay));
        Pieces(values.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                var at = first + i;
                var old = Lanes.Load(a + at, count - i);
                Lanes.Store(Vector256.MultiplyAddEstimate(Lanes.Load(p + at, count - i) - old, share, old), a + at, count - i);
            }
        });
    }

    void IKernels.GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale)
    {
        var length = Norm(x);
        *F32(norm) = (float)length;
        *F32(scale) = limit > 0 && length > limit ? (float)(limit / length) : 1;
    }

    void IKernels.Sgd(in SgdArgs args)
    {
        var a = args;
        float* p = F32(a.Values), g = F32(a.Gradients), m = F32(a.Velocity);
        var clip = a.ClipScale is { } c ? *F32(c) : 1;
        var trust = 1f;
        if (a.Trust > 0)
        {
            var step = Norm(g, clip, p, (float)a.Decay, a.Values.Shape.Count);
            var length = Norm(a.Values);
            trust = length > 0 && step > 0 ? (float)(a.Trust * length / step) : 1;
        }

        Vector256<float> decay = Vector256.Create((float)a.Decay), momentum = Vector256.Create((float)a.Momentum);
        Vector256<float> scale = Vector256.Create(clip), factor = Vector256.Create(trust), rate = Vector256.Create(-(float)a.LearningRate);
        Pieces(a.Values.Shape.Count, PieceElements, (first, count) =>
        {
            for (var i = 0; i < count; i += Lanes.Count)
            {
                var at = first + i;
                var left = count - i;
                var value = Lanes.Load(p + at, left);
                var step = Vector256.MultiplyAddEstimate(decay, value, scale * Lanes.Load(g + at, left)) * factor;
                var velocity = Vector256.MultiplyAddEstimate(momentum, Lanes.Load(m + at, left), step);
                Lanes.Store(velocity, m + at, left);
                Lanes.Store(Vector256.MultiplyAddEstimate(rate, velocity, value), p + at, left);
            }
        });
    }

    private double Norm(Tensor x) => Norm(F32(x), 1, null, 0, x.Shape.Count);

    /// <summary>|scale g + decay p|, or |g| without p; sums of 16,384 squares in float vectors are added in order, in double.</summary>
    private double Norm(float* g, float scale, float* p, float decay, long count)
    {
        var parts = new double[(count + PieceElements - 1) / PieceElements];
        Pieces(count, PieceElements, (first, length) =>
        {
            Vector256<float> sum = default;
            for (var i = 0; i < length; i += Lanes.Count)
            {
                var value = Lanes.Load(g + first + i, length - i);
                value = p is null ? value : (value * Vector256.Create(scale)) + (Vector256.Create(decay) * Lanes.Load(p + first + i, length - i));
                sum = Vector256.MultiplyAddEstimate(value, value, sum);
            }

            var (low, high) = Vector256.Widen(sum);
            parts[first / PieceElements] = Vector256.Sum(low + high);
        });
        return Math.Sqrt(parts.Sum());
    }
}
