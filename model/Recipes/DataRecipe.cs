namespace LDaeCore.Model.Recipes;

/// <summary>How images are prepared.</summary>
public sealed record DataRecipe
{
    /// <summary>Side of the square the network sees, in pixels.</summary>
    public int ImageSize { get; init; } = 32;

    /// <summary>Which part of an image that square shows in training.</summary>
    public CropKind Crop { get; init; } = CropKind.Random;

    /// <summary>Smallest share of the image's area that a random crop takes.</summary>
    public double CropMinScale { get; init; } = 0.2;

    /// <summary>Whether half of the images are mirrored.</summary>
    public bool Flip { get; init; } = true;

    /// <summary>Which numbers bytes become.</summary>
    public ImageRange Range { get; init; }

    /// <summary>Share of the training images held out for choices (learning rates of probes and the like).</summary>
    public double HoldOut { get; init; } = 0.1;

    /// <summary>
    /// Megabytes (2^20) of a Parquet set's row groups that are held at a time; training draws its images from half of them, so that it tells how well
    /// they are mixed. Two groups at least are held.
    /// </summary>
    public int ShardMegabytes { get; init; } = 512;
}

/// <summary>Which part of an image the network sees in training.</summary>
public enum CropKind
{
    /// <summary>The centre square, resized.</summary>
    Center,

    /// <summary>A random rectangle, resized (random-resized-crop).</summary>
    Random,
}

/// <summary>Which numbers bytes become.</summary>
public enum ImageRange
{
    /// <summary>0 to 255 becomes -1 to 1.</summary>
    Unit,

    /// <summary>ImageNet's mean is subtracted and its standard deviation divided by, per colour.</summary>
    ImageNet,
}
