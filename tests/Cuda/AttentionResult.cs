namespace LDaeCore.Tests.Cuda;

/// <summary>What attention gives: the output, the log-sum-exp, and the gradients of queries, keys and values.</summary>
internal sealed record AttentionResult(double[] Output, double[] LogSumExp, double[] DQueries, double[] DKeys, double[] DValues)
{
    /// <summary>All results, by name.</summary>
    public IEnumerable<(string Name, double[] Values)> All =>
        [("O", Output), ("lse", LogSumExp), ("dQ", DQueries), ("dK", DKeys), ("dV", DValues)];

    /// <summary>
    /// Name and max |a - b| / max |b| of each result. A gradient that is zero but for rounding, as of queries and keys where a query has
    /// one key only, is measured by the largest gradient, and a small one by at least a hundredth of it.
    /// </summary>
    public IEnumerable<(string Name, double Error)> Errors(AttentionResult expected)
    {
        var gradients = Largest([.. expected.DQueries, .. expected.DKeys, .. expected.DValues]);
        foreach (var ((name, actual), (_, wanted)) in All.Zip(expected.All))
        {
            var largest = Largest(wanted);
            var scale = !name.StartsWith('d') ? largest : largest < 1e-6 * gradients ? gradients : Math.Max(largest, 1e-2 * gradients);
            yield return (name, actual.All(double.IsFinite) ? Largest(actual.Zip(wanted, (a, b) => a - b)) / scale : double.PositiveInfinity);
        }
    }

    private static double Largest(IEnumerable<double> values) => values.Max(Math.Abs);
}
