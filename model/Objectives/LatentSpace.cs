using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Objectives;

/// <summary>
/// A linear latent space of patches (or of a network's codes) on a device: z = V_d (p - mean) / s; where V_d has orthonormal rows, p = mean + V_d^T (s z).
/// </summary>
public sealed class LatentSpace : IDisposable
{
    private readonly PersistentTensor _mean, _std;
    private readonly PersistentTensor? _basis;

    /// <summary>Copies the space to a device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="mean">Mean patch [D].</param>
    /// <param name="basis">The first d components [d, D], orthonormal rows; none for the identity.</param>
    /// <param name="std">s [d]: a component is divided by it to have unit variance.</param>
    public LatentSpace(IBackend backend, ReadOnlySpan<double> mean, ReadOnlySpan<double> basis, ReadOnlySpan<double> std)
    {
        var type = backend.ParameterType;
        _mean = new PersistentTensor(backend, new Shape(mean.Length), type);
        _basis = basis.IsEmpty ? null : new PersistentTensor(backend, new Shape(std.Length, mean.Length), type);
        _std = new PersistentTensor(backend, new Shape(std.Length), type);
        Mean.Write(backend, mean);
        Basis?.Write(backend, basis);
        Std.Write(backend, std);
    }

    /// <summary>Mean patch [D].</summary>
    public Tensor Mean => _mean.Tensor;

    /// <summary>The first d components [d, D]; null for the identity.</summary>
    public Tensor? Basis => _basis?.Tensor;

    /// <summary>s [d].</summary>
    public Tensor Std => _std.Tensor;

    /// <summary>Bytes of the three.</summary>
    public long Bytes => Mean.Bytes + (Basis?.Bytes ?? 0) + Std.Bytes;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _mean.Dispose();
        _basis?.Dispose();
        _std.Dispose();
    }
}
