namespace LDaeCore.Engine.Tensors;

/// <summary>A tensor with memory of its own that outlives steps: positions, a PCA basis, a batch of images. No gradient.</summary>
public sealed class PersistentTensor : IDisposable
{
    private readonly Storage _storage;

    /// <summary>Allocates, without clearing.</summary>
    /// <param name="backend">Whose memory it is.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="dtype">Element type.</param>
    public PersistentTensor(IDeviceMemory backend, Shape shape, DType dtype)
    {
        _storage = backend.Allocate(shape.Count * dtype.Size());
        Tensor = new Tensor(shape, dtype, _storage.Address);
    }

    /// <summary>The tensor; not to be used after <see cref="Dispose"/>.</summary>
    public Tensor Tensor { get; }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _storage.Dispose();
}
