namespace LDaeCore.Model.Recipes;

/// <summary>Which part of an image the network sees in training.</summary>
public enum CropKind
{
    /// <summary>The centre square, resized.</summary>
    Center,

    /// <summary>A random rectangle, resized (random-resized-crop).</summary>
    Random,
}
