namespace LDaeCore.Tests.Cuda;

/// <summary>What attention gives: the output, the log-sum-exp, and the gradients of queries, keys and values.</summary>
internal sealed record AttentionResult(double[] Output, double[] LogSumExp, double[] DQueries, double[] DKeys, double[] DValues)
{
    /// <summary>All results, by name.</summary>
    public IEnumerable<(string Name, double[] Values)> All =>
        [("O", Output), ("lse", LogSumExp), ("dQ", DQueries), ("dK", DKeys), ("dV", DValues)];

    /// <summary>Name and max |a - b| / max |b| of each result; a gradient that is nothing but rounding is measured by the largest gradient.</summary>
    public IEnumerable<(string Name, double Error)> Errors(AttentionResult expected)
    {
        var gradients = Largest([.. expected.DQueries, .. expected.DKeys, .. expected.DValues]);
        foreach (var ((name, actual), (_, wanted)) in All.Zip(expected.All))
        {
            var scale = name.StartsWith('d') ? Math.Max(Largest(wanted), 1e-2 * gradients) : Largest(wanted);
            yield return (name, actual.All(double.IsFinite) ? Largest(actual.Zip(wanted, (a, b) => a - b)) / scale : double.PositiveInfinity);
        }
    }

    private static double Largest(IEnumerable<double> values) => values.Max(Math.Abs);
}
