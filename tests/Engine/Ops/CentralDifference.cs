namespace LDaeCore.Tests.Engine.Ops;

/// <summary>
/// A directional derivative against central differences: |a - n| / max(|a|, |n|, 1e-8 norm) with the best of several steps,
/// since a small step loses digits and a large one curvature.
/// </summary>
internal static class CentralDifference
{
    private static readonly double[] Steps = [1e-4, 3e-5, 1e-5, 3e-6, 1e-6];

    public static double Error(double analytic, double gradientNorm, Func<double, double> along) => Steps.Min(h =>
    {
        var numeric = (along(h) - along(-h)) / (2 * h);
        var scale = Math.Max(Math.Max(Math.Abs(analytic), Math.Abs(numeric)), 1e-8 * gradientNorm);
        var error = scale == 0 ? 0 : Math.Abs(analytic - numeric) / scale;

        // A comparison with NaN passes some assertions: what is not a number is infinitely wrong.
        return double.IsNaN(error) ? double.PositiveInfinity : error;
    });
}
