namespace LDaeCore.Model.Recipes;

/// <summary>Which numbers bytes become.</summary>
public enum ImageRange
{
    /// <summary>0 to 255 becomes -1 to 1.</summary>
    Unit,

    /// <summary>ImageNet's mean is subtracted and its standard deviation divided by, per colour.</summary>
    ImageNet,
}
