namespace LDaeCore.Runner.Reporting;

/// <summary>One line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Place, value and its spread, which is drawn as a bar around it; points that are not finite are left out.</param>
internal sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y, double Spread)> Points)
{
    /// <summary>Which colour of the chart's; series may share one.</summary>
    public int Colour { get; init; }

    /// <summary>Whether the line is dashed.</summary>
    public bool Dashed { get; init; }

    /// <summary>Whether each point has a mark.</summary>
    public bool Marked { get; init; }
}
