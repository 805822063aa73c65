using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Backends;

/// <summary>The own exp and tanh, swept over the floats: every 509th bit pattern, and every one of the small range that matters most.</summary>
public sealed class VectorMathTests
{
    private const int Stride = 509;

    [Test]
    public void Exp_is_within_4_ulp_over_all_floats() => Sweep(VectorMath.Exp, Math.Exp, 4);

    [Test]
    public void Tanh_is_within_4_ulp_over_all_floats() => Sweep(VectorMath.Tanh, Math.Tanh, 4);

    /// <summary>Every uniform that Philox makes is a logarithm's argument and half an angle.</summary>
    [Test]
    public void Log_sine_and_cosine_are_close_at_every_uniform_number()
    {
        float[] u = new float[8], log = new float[8], sin = new float[8], cos = new float[8];
        double logError = 0, turnError = 0;
        for (var k = 0u; k < 1u << 23; k += 8)
        {
            for (var i = 0; i < 8; i++)
            {
                u[i] = Philox.Uniform((k + (uint)i) << 9);
            }

            var x = Vector256.Create(u);
            VectorMath.Log(x).CopyTo(log);
            var (s, c) = VectorMath.SinCosPi(x + x);
            s.CopyTo(sin);
            c.CopyTo(cos);
            for (var i = 0; i < 8; i++)
            {
                var (exactSin, exactCos) = Math.SinCos(2 * Math.PI * u[i]);
                logError = Math.Max(logError, Math.Abs((log[i] / Math.Log(u[i])) - 1));
                turnError = Math.Max(turnError, Math.Max(Math.Abs(sin[i] - exactSin), Math.Abs(cos[i] - exactCos)));
            }
        }

        TestContext.Out.WriteLine($"log {logError:G3} of its value, sine and cosine {turnError:G3}");
        Assert.That(logError, Is.LessThan(3e-7));
        Assert.That(turnError, Is.LessThan(2e-7));
    }

    [Test]
    public void Exp_and_tanh_take_the_ends_and_what_is_not_a_number()
    {
        float[] ends = [float.NegativeInfinity, float.PositiveInfinity, float.NaN, 0f, -0f, 88.8f, -104f, -103f];
        var input = Vector256.Create(ends);
        float[] exp = new float[8], tanh = new float[8];
        VectorMath.Exp(input).CopyTo(exp);
        VectorMath.Tanh(input).CopyTo(tanh);
        Assert.That(exp[..3], Is.EqualTo(new[] { 0f, float.PositiveInfinity, float.NaN }));
        Assert.That(exp[3..6], Is.EqualTo(new[] { 1f, 1f, float.PositiveInfinity }));
        Assert.That(exp[6], Is.Zero);
        Assert.That(exp[7], Is.EqualTo(float.Epsilon), "the smallest float is rounded to, not lost");
        Assert.That(tanh[..3], Is.EqualTo(new[] { -1f, 1f, float.NaN }));
        Assert.That(float.IsNegative(tanh[4]), Is.True, "tanh(-0) is -0");
    }

    [Test]
    public void Gelu_and_its_slope_are_close_to_their_formulas()
    {
        for (var x = -12f; x < 12; x += 8 * 0.0137f)
        {
            var lanes = new float[8];
            for (var i = 0; i < 8; i++)
            {
                lanes[i] = x + (i * 0.0137f);
            }

            float[] gelu = new float[8], slope = new float[8];
            VectorMath.Gelu(Vector256.Create(lanes)).CopyTo(gelu);
            VectorMath.GeluDerivative(Vector256.Create(lanes)).CopyTo(slope);
            for (var i = 0; i < 8; i++)
            {
                double v = lanes[i], c = Math.Sqrt(2 / Math.PI), t = Math.Tanh(c * (v + (0.044715 * v * v * v)));
                Assert.That(gelu[i], Is.EqualTo(0.5 * v * (1 + t)).Within(1e-6 * Math.Max(1, Math.Abs(v))));
                Assert.That(slope[i], Is.EqualTo((0.5 * (1 + t)) + (0.5 * v * (1 - (t * t)) * c * (1 + (3 * 0.044715 * v * v)))).Within(2e-6));
            }
        }
    }

    private static void Sweep(Func<Vector256<float>, Vector256<float>> function, Func<double, double> exact, int ulps)
    {
        float[] x = new float[8], y = new float[8];
        var lane = 0;
        for (long bits = 0; bits <= uint.MaxValue; bits += Stride)
        {
            x[lane++] = BitConverter.UInt32BitsToSingle((uint)bits);
            if (lane < 8)
            {
                continue;
            }

            lane = 0;
            function(Vector256.Create(x)).CopyTo(y);
            for (var i = 0; i < 8; i++)
            {
                if (float.IsFinite(x[i]) && Ulps(y[i], exact(x[i])) is var error && !(error <= ulps))
                {
                    Assert.Fail($"f({x[i]:R}) = {y[i]:R}, {error:F2} ulp from {exact(x[i]):R}");
                }
            }
        }
    }

    /// <summary>Distance in units in the last place of the true value's float.</summary>
    private static double Ulps(float value, double exact)
    {
        var nearest = (float)exact;
        if (float.IsInfinity(nearest))
        {
            return float.IsInfinity(value) && float.IsPositive(value) ? 0 : double.PositiveInfinity;
        }

        var ulp = Math.Max((double)MathF.BitIncrement(Math.Abs(nearest)) - Math.Abs(nearest), float.Epsilon);
        return Math.Abs(value - exact) / ulp;
    }
}
