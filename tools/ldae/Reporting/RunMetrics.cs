using System.Text.Json;

namespace LDaeCore.Runner.Reporting;

/// <summary>The numbers of a run's <c>metrics.jsonl</c>, a dictionary a line.</summary>
/// <param name="Lines">In order; each has "step".</param>
internal sealed record RunMetrics(IReadOnlyList<IReadOnlyDictionary<string, double>> Lines)
{
    /// <summary>Most points of a drawn curve.</summary>
    public const int MostPoints = 300;

    /// <summary>Reads the lines of a log; incomplete ones are skipped.</summary>
    public static RunMetrics Read(IEnumerable<string> lines) => new([.. lines.Select(Parse).OfType<Dictionary<string, double>>()]);

    /// <summary>The last value of a name; null where there is none.</summary>
    public double? Last(string name) => Lines.LastOrDefault(line => line.ContainsKey(name))?[name];

    /// <summary>A curve over the steps; many values are averaged over equally many lines.</summary>
    /// <returns>Steps and values; empty where no line has the name.</returns>
    public (double[] X, double[] Y) Curve(string name)
    {
        var points = Lines.Where(line => line.ContainsKey(name)).Select(line => (X: line["step"], Y: line[name])).ToArray();
        var stretches = points.Chunk(Stretch(points.Length)).ToArray();
        return ([.. stretches.Select(some => some.Average(point => point.X))], [.. stretches.Select(some => some.Average(point => point.Y))]);
    }

    /// <summary>Number of values that a point of a curve averages.</summary>
    public static int Stretch(int values) => Math.Max(1, (values + MostPoints - 1) / MostPoints);

    private static Dictionary<string, double>? Parse(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            var numbers = new Dictionary<string, double>(StringComparer.Ordinal);
            foreach (var value in json.RootElement.EnumerateObject().Where(value => value.Value.ValueKind == JsonValueKind.Number))
            {
                numbers[value.Name] = value.Value.GetDouble();
            }

            return numbers.ContainsKey("step") ? numbers : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
