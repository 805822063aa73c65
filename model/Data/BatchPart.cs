namespace LDaeCore.Model.Data;

/// <summary>The places of every global batch that one process takes.</summary>
/// <param name="First">The first.</param>
/// <param name="Count">How many.</param>
/// <param name="Batch">Images of the global batch.</param>
public readonly record struct BatchPart(int First, int Count, int Batch)
{
    /// <summary>The whole batch.</summary>
    /// <param name="batch">Images of the global batch.</param>
    /// <returns>All its places.</returns>
    public static BatchPart All(int batch) => new(0, batch, batch);

    /// <summary>The part of one of several processes: rank r of N takes places r B / N to (r + 1) B / N.</summary>
    /// <param name="batch">Images of the global batch; a multiple of <paramref name="size"/>.</param>
    /// <param name="rank">The process.</param>
    /// <param name="size">Number of processes.</param>
    /// <returns>Its places.</returns>
    public static BatchPart Of(int batch, int rank, int size) => new(rank * (batch / size), batch / size, batch);
}
