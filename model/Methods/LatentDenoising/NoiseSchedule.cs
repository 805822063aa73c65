using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// Signal and noise at each time step: z_t = gamma_t z_0 + sigma_t n, t = 1..T; t = 0 is the clean image of every schedule.
/// The loss weight is lambda_t = gamma_t^2 / (gamma_t^2 + sigma_t^2), which is gamma_t^2 where signal and noise keep the
/// variance, and 1 / (1 + sigma_t^2) where gamma is one: the paper's weights for predicting the clean image.
/// (Predicted noise is weighted by one.)
/// </summary>
public sealed class NoiseSchedule
{
    private const double FirstBeta = 1e-4, LastBeta = NoiseRecipe.LastBeta;
    private const int BetaSteps = NoiseRecipe.BetaSteps;

    private readonly double[] _gamma, _sigma, _lambda;

    private NoiseSchedule(NoiseScheduleKind kind, double[] gammaSquared, double[] sigmaSquared)
    {
        Kind = kind;
        _gamma = [.. gammaSquared.Select(Math.Sqrt)];
        _sigma = [.. sigmaSquared.Select(Math.Sqrt)];
        _lambda = [.. gammaSquared.Zip(sigmaSquared, (g, s) => g / (g + s))];
    }

    /// <summary>The single level's default sigma: sqrt(1/3).</summary>
    public static double DefaultSigma { get; } = Math.Sqrt(1.0 / 3);

    /// <summary>Which schedule.</summary>
    public NoiseScheduleKind Kind { get; }

    /// <summary>T, the last time step.</summary>
    public int Levels => _gamma.Length - 1;

    /// <summary>Makes a schedule.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="levels">T, at least 1; at least 21 for linear beta, whose steps would otherwise destroy more than all.</param>
    /// <param name="sigma">Noise in latent standard deviations, above 0: the largest of linear sigma (null: sqrt 2), the only one of the single level (null:
    /// sqrt 1/3). Others do not look at it.</param>
    /// <returns>The schedule.</returns>
    /// <exception cref="LdaeException">Configuration: levels or sigma out of range.</exception>
    public static NoiseSchedule Create(NoiseScheduleKind kind, int levels = 1000, double? sigma = null)
    {
        var fewest = NoiseRecipe.FewestLevels(kind);
        if (levels < fewest || levels > 1_000_000)
        {
            throw new LdaeException(ErrorKind.Configuration, $"noise.levels is {levels}.", $"Set it from {fewest} to 1000000 for this noise.schedule.");
        }

        var largest = sigma ?? (kind == NoiseScheduleKind.Single ? DefaultSigma : Math.Sqrt(2));
        if (!(double.IsFinite(largest) && largest > 0))
        {
            throw new LdaeException(ErrorKind.Configuration, $"noise.sigma is {largest}.", "Set a finite number above 0; the paper's is 0.57735.");
        }

        var (gamma, noise) = (new double[levels + 1], new double[levels + 1]);
        gamma[0] = 1;
        for (var t = 1; t <= levels; t++)
        {
            var part = (double)t / levels;
            (gamma[t], noise[t]) = kind switch
            {
                NoiseScheduleKind.LinearSigma => (1, largest * largest * part * part),
                NoiseScheduleKind.Single => (1, largest * largest),
                NoiseScheduleKind.LinearGammaSquared => (1 - part, part),
                NoiseScheduleKind.LinearBeta => KeepVariance(gamma[t - 1] * (1 - Beta(t, levels))),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown schedule."),
            };
        }

        return new NoiseSchedule(kind, gamma, noise);
    }

    /// <summary>Signal factor.</summary>
    /// <param name="t">Time step, 0 to T.</param>
    /// <returns>gamma_t, 0 to 1.</returns>
    public double Gamma(int t) => _gamma[t];

    /// <summary>Noise, in latent standard deviations.</summary>
    /// <param name="t">Time step, 0 to T.</param>
    /// <returns>sigma_t.</returns>
    public double Sigma(int t) => _sigma[t];

    /// <summary>Loss weight when the clean image is predicted.</summary>
    /// <param name="t">Time step, 0 to T.</param>
    /// <returns>lambda_t, 0 to 1.</returns>
    public double Lambda(int t) => _lambda[t];

    /// <summary>The time step of an image of the global batch, uniform in 1..T.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="image">Place of the image in the global batch.</param>
    /// <returns>t.</returns>
    public int DrawTime(ulong seed, uint step, long image) =>
        1 + (int)Philox.Below(Philox.Word(seed, RandomStream.Time, step, (ulong)image), (uint)Levels);

    /// <summary>DDPM's beta, its ends scaled so that T steps destroy about as much as a thousand do.</summary>
    private static double Beta(int t, int levels)
    {
        var scale = (double)BetaSteps / levels;
        var part = (t - 1.0) / (levels - 1);
        return scale * (FirstBeta + ((LastBeta - FirstBeta) * part));
    }

    private static (double GammaSquared, double SigmaSquared) KeepVariance(double gammaSquared) => (gammaSquared, 1 - gammaSquared);
}
