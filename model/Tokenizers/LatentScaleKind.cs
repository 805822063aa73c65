namespace LDaeCore.Model.Tokenizers;

/// <summary>How the kept latents are scaled before noise is added (PAPER.md section 12, latent scale).</summary>
public enum LatentScaleKind
{
    /// <summary>One scalar for all, so that the kept latents have unit variance on average.</summary>
    Global,

    /// <summary>Each latent to unit variance.</summary>
    Whiten,

    /// <summary>No scaling.</summary>
    None,
}
