namespace LDaeCore.Model.Encoders;

/// <summary>What of an encoder's tokens becomes an image's feature.</summary>
public enum FeaturePooling
{
    /// <summary>The mean of the patches' tokens.</summary>
    Mean,

    /// <summary>The class token.</summary>
    Cls,
}
