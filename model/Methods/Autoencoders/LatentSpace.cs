using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// A linear latent space of patches (or of a network's tokens) on a device: z = V_d (p - mean) / s; where V_d has orthonormal rows, p = mean + V_d^T (s z).
/// </summary>
public sealed class LatentSpace : IDisposable
{
    private readonly PersistentTensor _mean, _std;
    private readonly PersistentTensor? _basis;

    /// <summary>Copies the space to a device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="mean">Mean patch [D].</param>
    /// <param name="basis">The first d components [d, D], orthonormal rows; null for the identity, d = D.</param>
    /// <param name="std">s [d]: a component is divided by it to have unit variance.</param>
    public LatentSpace(IBackend backend, double[] mean, double[]? basis, double[] std)
    {
        _mean = Place(backend, new Shape(mean.Length), mean);
        _basis = basis is null ? null : Place(backend, new Shape(std.Length, mean.Length), basis);
        _std = Place(backend, new Shape(std.Length), std);
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

    private static PersistentTensor Place(IBackend backend, Shape shape, double[] values)
    {
        var tensor = new PersistentTensor(backend, shape, backend.ParameterType);
        tensor.Tensor.Write(backend, values);
        return tensor;
    }
}

/// <summary>Factors of signal and noise for a batch in which every image is all signal, or all noise.</summary>
internal sealed class UnitFactors : IDisposable
{
    private readonly PersistentTensor _one, _zero;

    /// <summary>Allocates the factors.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="images">Images of the batch.</param>
    public UnitFactors(IBackend backend, int images)
    {
        _one = new PersistentTensor(backend, new Shape(images), backend.ParameterType);
        _zero = new PersistentTensor(backend, new Shape(images), backend.ParameterType);
        backend.Fill(One, 1);
        backend.Fill(Zero, 0);
    }

    /// <summary>Ones [B].</summary>
    public Tensor One => _one.Tensor;

    /// <summary>Zeros [B].</summary>
    public Tensor Zero => _zero.Tensor;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _one.Dispose();
        _zero.Dispose();
    }
}
