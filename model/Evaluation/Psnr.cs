namespace LDaeCore.Model.Evaluation;

/// <summary>Peak signal-to-noise ratio: 10 log10(peak^2 / mean squared error), in decibels; infinite for equal images.</summary>
public static class Psnr
{
    /// <summary>The peak of values in [-1, 1]: the length of the range.</summary>
    public const double SymmetricPeak = 2;

    /// <summary>The peak of bytes.</summary>
    public const double BytePeak = 255;

    /// <summary>Of real-valued images.</summary>
    /// <param name="image">Values, of one image or several.</param>
    /// <param name="reference">As many values.</param>
    /// <param name="peak">Length of the values' range: <see cref="SymmetricPeak"/> for [-1, 1].</param>
    /// <returns>Decibels.</returns>
    /// <exception cref="ArgumentException">The lengths differ or are 0.</exception>
    public static double Of(ReadOnlySpan<float> image, ReadOnlySpan<float> reference, double peak = SymmetricPeak)
    {
        CheckLengths(image.Length, reference.Length);
        var sum = 0.0;
        for (var i = 0; i < image.Length; i++)
        {
            var difference = (double)image[i] - reference[i];
            sum += difference * difference;
        }

        return Decibels(sum / image.Length, peak);
    }

    /// <summary>Of images of bytes; the peak is 255.</summary>
    /// <param name="image">Bytes, of one image or several.</param>
    /// <param name="reference">As many bytes.</param>
    /// <returns>Decibels.</returns>
    /// <exception cref="ArgumentException">The lengths differ or are 0.</exception>
    public static double Of(ReadOnlySpan<byte> image, ReadOnlySpan<byte> reference)
    {
        CheckLengths(image.Length, reference.Length);
        var sum = 0L;
        for (var i = 0; i < image.Length; i++)
        {
            var difference = image[i] - reference[i];
            sum += difference * difference;
        }

        return Decibels((double)sum / image.Length, BytePeak);
    }

    private static double Decibels(double meanSquare, double peak) => 10 * Math.Log10(peak * peak / meanSquare);

    private static void CheckLengths(int image, int reference)
    {
        if (image != reference || image == 0)
        {
            throw new ArgumentException($"Images of {image} and {reference} values cannot be compared.");
        }
    }
}
