namespace LDaeCore.Tests.Engine.Backends;

/// <summary>How far a tensor is from what it should be: max |a - b| / max |b|, infinite for what is not a number or of another length.</summary>
internal static class Closeness
{
    public static double Error(IReadOnlyList<double> actual, IReadOnlyList<double> expected)
    {
        if (actual.Count != expected.Count)
        {
            return double.PositiveInfinity;
        }

        double difference = 0, largest = 0;
        for (var i = 0; i < actual.Count; i++)
        {
            if (!double.IsFinite(actual[i]))
            {
                return double.PositiveInfinity;
            }

            difference = Math.Max(difference, Math.Abs(actual[i] - expected[i]));
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }

        return difference == 0 ? 0 : difference / largest;
    }
}
