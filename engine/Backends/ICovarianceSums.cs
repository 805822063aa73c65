using LDaeCore.Engine.Numerics;

namespace LDaeCore.Engine.Backends;

/// <summary>Sums over rows from which their mean and covariance follow, wherever they are added up.</summary>
public interface ICovarianceSums : IDisposable
{
    /// <summary>Takes rows in.</summary>
    /// <param name="rows">[count, D], finite.</param>
    /// <param name="count">Number of rows.</param>
    void Add(ReadOnlySpan<float> rows, int count);

    /// <summary>Mean and covariance of the rows so far.</summary>
    /// <returns>On the host.</returns>
    Covariance Result();
}
