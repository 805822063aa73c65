namespace LDaeCore.Model.Recipes;

/// <summary>How strong the noise is at level t of T.</summary>
public enum NoiseSchedule
{
    /// <summary>sigma grows linearly from 0 to its largest value; the signal keeps its scale.</summary>
    LinearSigma,

    /// <summary>The share of signal gamma squared falls linearly from 1 to 0.</summary>
    LinearGammaSquared,

    /// <summary>DiT's: the noise added by each step of the chain grows linearly.</summary>
    LinearBeta,

    /// <summary>One level of noise, always the same.</summary>
    Single,
}
