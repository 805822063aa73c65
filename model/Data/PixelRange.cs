using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Data;

/// <summary>From bytes to a network's input values: value = byte * factor + offset, for each of three channels.</summary>
/// <param name="Factor">Factor of red, green and blue.</param>
/// <param name="Offset">Offset of red, green and blue.</param>
public sealed record PixelRange(IReadOnlyList<double> Factor, IReadOnlyList<double> Offset)
{
    /// <summary>Bytes to [-1, 1]: byte / 127.5 - 1.</summary>
    public static PixelRange Symmetric { get; } = new([1 / 127.5, 1 / 127.5, 1 / 127.5], [-1, -1, -1]);

    /// <summary>Bytes to [0, 1], less ImageNet's mean, over its standard deviation.</summary>
    public static PixelRange ImageNet { get; } = new(
        [1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)],
        [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]);

    /// <summary>The values of a recipe's range.</summary>
    /// <param name="range">The recipe's range.</param>
    /// <returns>Factors and offsets.</returns>
    public static PixelRange Of(ImageRange range) => range == ImageRange.ImageNet ? ImageNet : Symmetric;

    /// <summary>Factors, then offsets: the [2, 3] that the patchify op takes.</summary>
    /// <returns>Six numbers.</returns>
    public double[] ToArray() => [.. Factor, .. Offset];
}
