namespace LDaeCore.Model.Recipes;

/// <summary>How much noise the latents get.</summary>
public sealed record NoiseRecipe
{
    /// <summary>How noise grows with the level.</summary>
    public NoiseScheduleKind Schedule { get; init; }

    /// <summary>Steps that DDPM's linear betas are given for, and the last of them.</summary>
    internal const int BetaSteps = 1000;

    /// <summary>The last beta of DDPM's schedule.</summary>
    internal const double LastBeta = 0.02;

    /// <summary>The smallest T of a schedule.</summary>
    /// <param name="kind">Which.</param>
    /// <returns>1, but for linear beta 21: fewer steps would destroy more than all.</returns>
    public static int FewestLevels(NoiseScheduleKind kind) => kind == NoiseScheduleKind.LinearBeta ? (int)(BetaSteps * LastBeta) + 1 : 1;

    /// <summary>Levels T; t is drawn uniformly from 1 to T.</summary>
    public int Levels { get; init; } = 1000;

    /// <summary>Standard deviation of the noise: the largest of linearSigma (null: sqrt 2), the only one of single (null: sqrt 1/3). Not read by the other schedules.</summary>
    public double? Sigma { get; init; }

    /// <summary><see cref="Sigma"/>, or the schedule's own; null where the schedule reads none.</summary>
    public double? ResolvedSigma => Schedule switch
    {
        NoiseScheduleKind.LinearSigma => Sigma ?? Math.Sqrt(2),
        NoiseScheduleKind.Single => Sigma ?? Math.Sqrt(1.0 / 3),
        _ => Sigma,
    };
}

/// <summary>How signal and noise depend on the time step (paper, sections 3 and 4).</summary>
public enum NoiseScheduleKind
{
    /// <summary>gamma = 1, sigma_t = S t / T with S = sqrt(2): the l-DAE's.</summary>
    LinearSigma,

    /// <summary>gamma = 1, one sigma at every time step.</summary>
    Single,

    /// <summary>gamma_t^2 = 1 - t / T, sigma_t^2 = t / T.</summary>
    LinearGammaSquared,

    /// <summary>gamma_t^2 = product of 1 - beta_s, beta linear from 1e-4 to 0.02 at T = 1000: DiT's.</summary>
    LinearBeta,
}
