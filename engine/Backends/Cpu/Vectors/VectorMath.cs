using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LDaeCore.Engine.Backends.Cpu.Vectors;

/// <summary>
/// Transcendental functions on eight floats at once, exp and tanh at most 4 units in the last place from the true value over all finite
/// inputs, the others as close as they say (swept in a test). They are written with the portable vector type: the compiler turns a multiply-add into FMA where
/// the machine has it and into two instructions where it does not.
/// </summary>
internal static class VectorMath
{
    private const float Log2E = 1.44269504f;

    // ln 2 in two parts: the first has so few bits that n * Ln2High is exact for every |n| below 256.
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;
    private const float GeluSlope = 0.7978845608f, GeluCube = 0.044715f;

    /// <summary>
    /// exp(x) = 2^n exp(r) with n = round(x / ln 2) and |r| at most ln(2) / 2, where a polynomial of degree six is enough.
    /// 2^n is applied in two halves, so that results below the normal range come out rounded and not as zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // Constants first: the machine's min and max hand on the second operand when one is not a number.
        var clamped = Vector256.MinNative(Vector256.Create(89f), Vector256.MaxNative(Vector256.Create(-104f), x));
        var n = Vector256.Round(clamped * Vector256.Create(Log2E));
        var r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-Ln2High), clamped);
        r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-Ln2Low), r);
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(1.9875691500e-4f), r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(5.0000001201e-1f));
        p = Vector256.MultiplyAddEstimate(p, r * r, r) + Vector256<float>.One;
        var whole = Vector256.ConvertToInt32Native(n);
        var half = whole >> 1;
        return p * PowerOfTwo(half) * PowerOfTwo(whole - half);
    }

    /// <summary>
    /// log(x) for normal x above zero: x = 2^n m with m from sqrt(1/2) to sqrt(2), and log m by a polynomial of m - 1 whose first terms are exact.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Log(Vector256<float> x)
    {
        // The bits of sqrt(1/2) are subtracted, so that the exponent field counts from there.
        var bits = x.AsInt32() - Vector256.Create(0x3F3504F3);
        var n = Vector256.ConvertToSingle(bits >> 23);
        var f = ((bits & Vector256.Create(0x007FFFFF)) + Vector256.Create(0x3F3504F3)).AsSingle() - Vector256<float>.One;
        var square = f * f;
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(7.0376836292e-2f), f, Vector256.Create(-1.1514610310e-1f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(1.1676998740e-1f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(-1.2420140846e-1f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(1.4249322787e-1f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(-1.6668057665e-1f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(2.0000714765e-1f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(-2.4999993993e-1f));
        p = Vector256.MultiplyAddEstimate(p, f, Vector256.Create(3.3333331174e-1f));
        var small = Vector256.MultiplyAddEstimate(n, Vector256.Create(Ln2Low), p * f * square) - (Vector256.Create(0.5f) * square);
        return Vector256.MultiplyAddEstimate(n, Vector256.Create(Ln2High), small + f);
    }

    /// <summary>sin(pi x) and cos(pi x) for x from 0 to 2^21: x minus the nearest multiple of 1/2 is exact, and polynomials do the rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<float> Sin, Vector256<float> Cos) SinCosPi(Vector256<float> x)
    {
        var n = Vector256.Round(x + x);
        var r = Vector256.MultiplyAddEstimate(n, Vector256.Create(-0.5f), x) * Vector256.Create(MathF.PI);
        var square = r * r;
        var s = Vector256.MultiplyAddEstimate(Vector256.Create(-1.9515295891e-4f), square, Vector256.Create(8.3321608736e-3f));
        s = Vector256.MultiplyAddEstimate(s, square, Vector256.Create(-1.6666654611e-1f));
        s = Vector256.MultiplyAddEstimate(s * square, r, r);
        var c = Vector256.MultiplyAddEstimate(Vector256.Create(2.443315711809948e-5f), square, Vector256.Create(-1.388731625493765e-3f));
        c = Vector256.MultiplyAddEstimate(c, square, Vector256.Create(4.166664568298827e-2f));
        c = Vector256.MultiplyAddEstimate(c * square, square, Vector256.MultiplyAddEstimate(square, Vector256.Create(-0.5f), Vector256<float>.One));

        // A quarter turn swaps the two, and two of them change the sign.
        var quarter = Vector256.ConvertToInt32Native(n);
        var swap = Vector256.Equals(quarter & Vector256<int>.One, Vector256<int>.One).AsSingle();
        var sinSign = (quarter << 30).AsSingle() & Vector256.Create(-0f);
        var cosSign = ((quarter + Vector256<int>.One) << 30).AsSingle() & Vector256.Create(-0f);
        return (Vector256.ConditionalSelect(swap, c, s) ^ sinSign, Vector256.ConditionalSelect(swap, s, c) ^ cosSign);
    }

    /// <summary>
    /// tanh(x): an odd polynomial near zero, where 1 - 2 / (exp(2x) + 1) would cancel, and that formula elsewhere.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Tanh(Vector256<float> x)
    {
        var size = Vector256.Abs(x);
        var square = x * x;
        var p = Vector256.MultiplyAddEstimate(Vector256.Create(-5.70498872745e-3f), square, Vector256.Create(2.06390887954e-2f));
        p = Vector256.MultiplyAddEstimate(p, square, Vector256.Create(-5.37397155531e-2f));
        p = Vector256.MultiplyAddEstimate(p, square, Vector256.Create(1.33314422036e-1f));
        p = Vector256.MultiplyAddEstimate(p, square, Vector256.Create(-3.33332819422e-1f));
        var near = Vector256.MultiplyAddEstimate(p * square, size, size);
        var far = Vector256<float>.One - (Vector256.Create(2f) / (Exp(size + size) + Vector256<float>.One));
        var positive = Vector256.ConditionalSelect(Vector256.LessThan(size, Vector256.Create(0.625f)), near, far);
        return positive | (x & Vector256.Create(-0f));
    }

    /// <summary>1 / (1 + exp(-x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sigmoid(Vector256<float> x) => Vector256<float>.One / (Vector256<float>.One + Exp(-x));

    /// <summary>
    /// gelu(x) = x/2 (1 + tanh(u)) with u = sqrt(2/pi) (x + 0.044715 x^3), computed as x sigmoid(2u): the same function with one
    /// exponential and no cancellation.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Gelu(Vector256<float> x) => x * GeluGate(x, x * x);

    /// <summary>gelu'(x) = s + 2 x s (1 - s) u' with s = sigmoid(2u) and u' = sqrt(2/pi) (1 + 3 * 0.044715 x^2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> GeluDerivative(Vector256<float> x)
    {
        var square = x * x;
        var s = GeluGate(x, square);
        var slope = Vector256.MultiplyAddEstimate(square, Vector256.Create(6 * GeluSlope * GeluCube), Vector256.Create(2 * GeluSlope));
        return Vector256.MultiplyAddEstimate(x * slope, s * (Vector256<float>.One - s), s);
    }

    /// <summary>x Phi(x), the exact GELU, off by at most 1e-7 of max(1, |x|).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> GeluErf(Vector256<float> x) => x * NormalCumulative(x, Exp(x * x * Vector256.Create(-0.5f)));

    /// <summary>Phi(x) + x phi(x), with phi(x) = exp(-x^2 / 2) / sqrt(2 pi).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> GeluErfDerivative(Vector256<float> x)
    {
        var bell = Exp(x * x * Vector256.Create(-0.5f));
        return Vector256.MultiplyAddEstimate(x * bell, Vector256.Create(0.39894228f), NormalCumulative(x, bell));
    }

    /// <summary>
    /// Phi(x) from the smaller tail, exp(-x^2 / 2) q(1 / (1 + p |x| / sqrt 2)) / 2 with Hastings' polynomial q (Abramowitz and Stegun,
    /// 7.1.26; its error is 0.75e-7 here): the negative side has no cancellation.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> NormalCumulative(Vector256<float> x, Vector256<float> bell)
    {
        const float slope = 0.3275911f * 0.70710678f;
        var t = Vector256<float>.One / Vector256.MultiplyAddEstimate(Vector256.Abs(x), Vector256.Create(slope), Vector256<float>.One);
        var q = Vector256.MultiplyAddEstimate(Vector256.Create(1.061405429f), t, Vector256.Create(-1.453152027f));
        q = Vector256.MultiplyAddEstimate(q, t, Vector256.Create(1.421413741f));
        q = Vector256.MultiplyAddEstimate(q, t, Vector256.Create(-0.284496736f));
        q = Vector256.MultiplyAddEstimate(q, t, Vector256.Create(0.254829592f));
        var tail = q * t * bell * Vector256.Create(0.5f);
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256<float>.Zero), tail, Vector256<float>.One - tail);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> GeluGate(Vector256<float> x, Vector256<float> square)
    {
        var twice = Vector256.MultiplyAddEstimate(square, Vector256.Create(2 * GeluSlope * GeluCube), Vector256.Create(2 * GeluSlope));
        return Sigmoid(x * twice);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> PowerOfTwo(Vector256<int> exponent) => ((exponent + Vector256.Create(127)) << 23).AsSingle();
}
