using LDaeCore.Engine.Numerics;

namespace LDaeCore.Engine.Backends;

/// <summary>A covariance summed on the host.</summary>
/// <param name="dimensions">D, numbers in a row.</param>
public sealed class HostCovarianceSums(int dimensions) : ICovarianceSums
{
    private readonly Covariance _covariance = new(dimensions);

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<float> rows, int count) => _covariance.Add(rows, count);

    /// <inheritdoc/>
    public Covariance Result() => _covariance;

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
