namespace LDaeCore.Tests.Goldens;

/// <summary>How far values are from a golden.</summary>
internal static class GoldenComparison
{
    /// <summary>
    /// The largest difference over the golden's largest magnitude. Infinite when anything is not a number, when the counts
    /// differ, and when the golden is all zeros, as then nothing would be compared.
    /// </summary>
    public static double Error(ReadOnlySpan<double> golden, ReadOnlySpan<double> actual)
    {
        if (golden.Length != actual.Length)
        {
            return double.PositiveInfinity;
        }

        double difference = 0, magnitude = 0;
        for (var i = 0; i < golden.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs(golden[i] - actual[i]));
            magnitude = Math.Max(magnitude, Math.Abs(golden[i]));
        }

        var error = difference / magnitude;
        return double.IsNaN(error) ? double.PositiveInfinity : error;
    }
}
