namespace LDaeCore.Engine.Numerics;

/// <summary>The standard normal distribution in float64.</summary>
internal static class NormalDistribution
{
    /// <summary>From here on the continued fraction converges faster than the series.</summary>
    private const double FarOut = 3;

    /// <summary>phi(x) = exp(-x^2 / 2) / sqrt(2 pi).</summary>
    public static double Density(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    /// <summary>
    /// Phi(x). Near the middle 1/2 + phi(x) (x + x^3 / 3 + x^5 / 15 + ..), of which all terms have one sign; further out the tail by
    /// Laplace's continued fraction phi(x) / (x + 1 / (x + 2 / (x + 3 / ..))).
    /// </summary>
    public static double Cumulative(double x)
    {
        var size = Math.Abs(x);
        if (size < FarOut)
        {
            var (term, sum) = (x, x);
            for (var odd = 3; Math.Abs(term) > 1e-18 * Math.Abs(sum); odd += 2)
            {
                term *= x * x / odd;
                sum += term;
            }

            return 0.5 + (Density(x) * sum);
        }

        var fraction = size;
        for (var i = 100; i > 0; i--)
        {
            fraction = size + (i / fraction);
        }

        var tail = Density(x) / fraction;
        return x < 0 ? tail : double.IsNaN(x) ? x : 1 - tail;
    }
}
