using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>A linear latent space of patches (or of a network's codes) on a device: z = V_d (p - mean) / s; where V_d has orthonormal rows, p = mean + V_d^T (s z).</summary>
public sealed class LatentSpace : IDisposable
{
    private readonly IBackend _backend;
    private readonly PersistentTensor _mean, _basis, _std;
    private PersistentTensor? _axes;

    /// <summary>Copies the space to a device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="mean">Mean patch [D].</param>
    /// <param name="basis">The first d components [d, D], orthonormal rows.</param>
    /// <param name="std">s [d]: a component is divided by it to have unit variance.</param>
    public LatentSpace(IBackend backend, ReadOnlySpan<double> mean, ReadOnlySpan<double> basis, ReadOnlySpan<double> std)
    {
        _backend = backend;
        var type = backend.ParameterType;
        _mean = new PersistentTensor(backend, new Shape(mean.Length), type);
        _basis = new PersistentTensor(backend, new Shape(std.Length, mean.Length), type);
        _std = new PersistentTensor(backend, new Shape(std.Length), type);
        Mean.Write(backend, mean);
        Basis.Write(backend, basis);
        Std.Write(backend, std);
    }

    /// <summary>Mean patch [D].</summary>
    public Tensor Mean => _mean.Tensor;

    /// <summary>The first d components [d, D].</summary>
    public Tensor Basis => _basis.Tensor;

    /// <summary>s [d].</summary>
    public Tensor Std => _std.Tensor;

    /// <summary>Bytes of the three.</summary>
    public long Bytes => Mean.Bytes + Basis.Bytes + Std.Bytes;

    /// <summary>The identity [d, d]: the basis of a loss in the latents themselves; made when it is first asked for.</summary>
    public Tensor Axes => (_axes ??= NewAxes()).Tensor;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _mean.Dispose();
        _basis.Dispose();
        _std.Dispose();
        _axes?.Dispose();
    }

    private PersistentTensor NewAxes()
    {
        var dim = (int)Std.Shape.Count;
        var axes = new PersistentTensor(_backend, new Shape(dim, dim), _backend.ParameterType);
        axes.Tensor.Write(_backend, PatchTokenizer.Axes(dim));
        return axes;
    }
}
