namespace LDaeCore.Model.Recipes;

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
