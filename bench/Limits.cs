namespace LDaeCore.Bench;

/// <summary>What the machine can do, measured in the same run.</summary>
/// <param name="BytesPerSecond">Bytes read and written by a large copy.</param>
/// <param name="FlopsPerSecond">Of the best of what was tried: a large matrix product, and on a processor a loop of multiply-adds.</param>
internal sealed record Limits(double BytesPerSecond, double FlopsPerSecond)
{
    /// <summary>A row with its share of the limit that binds it.</summary>
    /// <param name="row">With operations or bytes.</param>
    public ResultRow Judge(ResultRow row)
    {
        double compute = (row.Flops ?? 0) / FlopsPerSecond, memory = (row.Bytes ?? 0) / BytesPerSecond;
        var least = Math.Max(compute, memory);
        return least > 0 ? row with { Share = least / row.MedianS, Limit = compute >= memory ? "compute" : "memory" } : row;
    }
}
