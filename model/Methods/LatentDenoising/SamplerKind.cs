namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>How a sample goes from one level of noise to a lower one.</summary>
public enum SamplerKind
{
    /// <summary>Along the estimated noise, drawing none (Song et al. 2021, eta = 0).</summary>
    Ddim,

    /// <summary>By the posterior of the forward process, drawing noise (Ho et al. 2020).</summary>
    Ddpm,
}
