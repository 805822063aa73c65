namespace LDaeCore.Engine.Tensors;

/// <summary>
/// A contiguous row-major array somewhere on a device: a shape, an element type and an address. It owns nothing;
/// its memory belongs to an arena (see <see cref="StepArena"/>) or a parameter set (see <c>ParameterSet</c>).
/// </summary>
public sealed class Tensor
{
    internal Tensor(Shape shape, DType dtype, nint address, ArenaBlock? block = null, GradientSlot? slot = null)
    {
        Shape = shape;
        DType = dtype;
        Address = address;
        Block = block;
        Slot = slot;
    }

    /// <summary>Sizes.</summary>
    public Shape Shape { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>First element, in the device's address space.</summary>
    public nint Address { get; }

    /// <summary>Bytes of all elements.</summary>
    public long Bytes => Shape.Count * DType.Size();

    /// <summary>Whether a backward pass computes a gradient for this tensor.</summary>
    public bool RequiresGradient => Slot is not null;

    /// <summary>The arena block behind the tensor, for tensors that are an allocation of their own.</summary>
    internal ArenaBlock? Block { get; }

    /// <summary>Where the gradient is kept; views of the same elements share it.</summary>
    internal GradientSlot? Slot { get; }

    /// <summary>
    /// The tensor u with this = GELU(u), when a linear layer computed both. A consumer can then send the gradient straight
    /// to u inside its own matrix product.
    /// </summary>
    internal Tensor? GeluInput { get; init; }

    /// <summary>
    /// The same values rounded to the activation type, where the owner of a parameter keeps them so (see
    /// <see cref="Parameters.ParameterSet.Round"/>); a matrix product then reads them instead of rounding again.
    /// </summary>
    internal Tensor? Rounded { get; set; }

    /// <summary>The same elements under another shape. Values and gradient are shared.</summary>
    /// <param name="sizes">Sizes with the same number of elements.</param>
    /// <returns>A view.</returns>
    public Tensor Reshape(params ReadOnlySpan<int> sizes)
    {
        var shape = new Shape(sizes);
        return shape.Count == Shape.Count
            ? new Tensor(shape, DType, Address, null, Slot)
            : throw new ArgumentException($"{Shape} cannot be seen as {shape}: {Shape.Count} elements against {shape.Count}.");
    }

    /// <summary>Entries first..first+count-1 of the leading axis. The view carries no gradient.</summary>
    /// <param name="first">First entry.</param>
    /// <param name="count">Number of entries.</param>
    /// <returns>A view.</returns>
    public Tensor Slice(int first, int count)
    {
        if (first < 0 || count < 1 || first + count > Shape[0])
        {
            throw new ArgumentOutOfRangeException(nameof(first), first, $"{count} entries from {first} are not inside {Shape}.");
        }

        Span<int> sizes = stackalloc int[Shape.Rank];
        for (var axis = 0; axis < Shape.Rank; axis++)
        {
            sizes[axis] = axis == 0 ? count : Shape[axis];
        }

        var stride = Bytes / Shape[0];
        return new Tensor(new Shape(sizes), DType, (nint)(Address + (first * stride)));
    }

    /// <summary>Type and sizes, such as F32[128, 64, 192].</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{DType}{Shape}";
}

/// <summary>The gradient of one tensor: the first contribution is stored, later ones are added.</summary>
internal sealed class GradientSlot
{
    /// <summary>The gradient; null until the first contribution, except for parameters.</summary>
    public Tensor? Gradient { get; set; }

    /// <summary>Whether a first contribution was stored.</summary>
    public bool Stored { get; set; }

    /// <summary>Whether the memory outlives the step (a parameter's gradient in the flat buffer).</summary>
    public bool Persistent { get; init; }
}

/// <summary>A tensor with memory of its own that outlives steps: positions, a PCA basis, a batch of images. No gradient.</summary>
public sealed class PersistentTensor : IDisposable
{
    private readonly Storage _storage;

    /// <summary>Allocates, without clearing.</summary>
    /// <param name="backend">The device.</param>
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
