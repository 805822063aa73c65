using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Vectors;

namespace LDaeCore.Engine.Backends.Cpu.Kernels;

/// <summary>Passes of group normalisation over some pixels of an image. Statistics come spread out, one value a channel.</summary>
internal static unsafe class GroupNormKernel
{
    /// <summary>Sums of x by channel.</summary>
    public static void Sum(float* x, int rows, int channels, float* sums)
    {
        for (var c = 0; c < channels; c += Lanes.Count)
        {
            var left = channels - c;
            Vector256<float> sum = default;
            for (var r = 0; r < rows; r++)
            {
                sum += Lanes.Load(x + ((nint)r * channels) + c, left);
            }

            Lanes.Store(sum, sums + c, left);
        }
    }

    /// <summary>Sums of (x - center)^2 by channel.</summary>
    public static void SumSquares(float* x, float* center, int rows, int channels, float* sums)
    {
        for (var c = 0; c < channels; c += Lanes.Count)
        {
            var left = channels - c;
            Vector256<float> sum = default, mean = Lanes.Load(center + c, left);
            for (var r = 0; r < rows; r++)
            {
                var d = Lanes.Load(x + ((nint)r * channels) + c, left) - mean;
                sum = Vector256.MultiplyAddEstimate(d, d, sum);
            }

            Lanes.Store(sum, sums + c, left);
        }
    }

    /// <summary>y = (x - center) slope + bias.</summary>
    public static void Apply(float* x, float* center, float* slope, float* bias, int rows, int channels, float* y)
    {
        for (var r = 0; r < rows; r++, x += channels, y += channels)
        {
            for (var c = 0; c < channels; c += Lanes.Count)
            {
                var left = channels - c;
                var d = Lanes.Load(x + c, left) - Lanes.Load(center + c, left);
                Lanes.Store(Vector256.MultiplyAddEstimate(d, Lanes.Load(slope + c, left), Lanes.Load(bias + c, left)), y + c, left);
            }
        }
    }

    /// <summary>Sums by channel of dy, then of dy xhat with xhat = (x - center) rstd.</summary>
    public static void SumGradients(float* x, float* dy, float* center, float* rstd, int rows, int channels, float* sums)
    {
        for (var c = 0; c < channels; c += Lanes.Count)
        {
            var left = channels - c;
            Vector256<float> sum = default, product = default, mean = Lanes.Load(center + c, left);
            for (var r = 0; r < rows; r++)
            {
                var at = ((nint)r * channels) + c;
                var g = Lanes.Load(dy + at, left);
                sum += g;
                product = Vector256.MultiplyAddEstimate(g, Lanes.Load(x + at, left) - mean, product);
            }

            Lanes.Store(sum, sums + c, left);
            Lanes.Store(product * Lanes.Load(rstd + c, left), sums + channels + c, left);
        }
    }

    /// <summary>
    /// dx (+)= rstd (dy weight - mean(g) - xhat mean(g xhat)). Center, rstd and the two means lie one behind the other, each a value a
    /// channel.
    /// </summary>
    public static void Backward(float* x, float* dy, float* weight, float* statistics, int rows, int channels, float* dx, bool accumulate)
    {
        float* rstds = statistics + channels, g = rstds + channels, gx = g + channels;
        for (var r = 0; r < rows; r++, x += channels, dy += channels, dx += channels)
        {
            for (var c = 0; c < channels; c += Lanes.Count)
            {
                var left = channels - c;
                var rstd = Lanes.Load(rstds + c, left);
                var xhat = (Lanes.Load(x + c, left) - Lanes.Load(statistics + c, left)) * rstd;
                var value = rstd * ((Lanes.Load(dy + c, left) * Lanes.Load(weight + c, left)) - Lanes.Load(g + c, left) - (xhat * Lanes.Load(gx + c, left)));
                Lanes.Store(accumulate ? value + Lanes.Load(dx + c, left) : value, dx + c, left);
            }
        }
    }
}
