namespace LDaeCore.Model.Encoders;

/// <summary>Where a ViT's last normalisation stands.</summary>
public enum VitNorm
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>Each token is normalised, then they are pooled (timm's <c>norm</c>).</summary>
    Tokens,

    /// <summary>The pooled feature is normalised (timm's <c>fc_norm</c>).</summary>
    Pooled,
}
