namespace LDaeCore.Engine.Tensors;

/// <summary>
/// Sizes of a contiguous row-major tensor of one to four axes. Most ops see a tensor as a matrix:
/// <see cref="Columns"/> is the last axis, <see cref="Rows"/> the product of all others.
/// </summary>
public readonly record struct Shape
{
    private readonly int _d0, _d1, _d2, _d3;

    /// <summary>A shape from its sizes, outermost first.</summary>
    /// <param name="sizes">One to four positive sizes.</param>
    public Shape(params ReadOnlySpan<int> sizes)
    {
        if (sizes.Length is < 1 or > 4)
        {
            throw new ArgumentException($"A shape has one to four axes, not {sizes.Length}.", nameof(sizes));
        }

        foreach (var size in sizes)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size, nameof(sizes));
        }

        Rank = sizes.Length;
        _d0 = sizes[0];
        _d1 = Rank > 1 ? sizes[1] : 1;
        _d2 = Rank > 2 ? sizes[2] : 1;
        _d3 = Rank > 3 ? sizes[3] : 1;
    }

    /// <summary>Number of axes.</summary>
    public int Rank { get; }

    /// <summary>Number of elements.</summary>
    public long Count => (long)_d0 * _d1 * _d2 * _d3;

    /// <summary>Size of the last axis.</summary>
    public int Columns => this[Rank - 1];

    /// <summary>Product of all axes but the last.</summary>
    public int Rows => checked((int)(Count / Columns));

    /// <summary>Size of an axis.</summary>
    /// <param name="axis">0 is the outermost.</param>
    public int this[int axis] => (uint)axis < (uint)Rank
        ? axis switch { 0 => _d0, 1 => _d1, 2 => _d2, _ => _d3 }
        : throw new ArgumentOutOfRangeException(nameof(axis), axis, $"The shape {this} has {Rank} axes.");

    /// <summary>The sizes as text, such as [128, 64, 192].</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        int[] sizes = [_d0, _d1, _d2, _d3];
        return $"[{string.Join(", ", sizes.Take(Rank))}]";
    }
}
