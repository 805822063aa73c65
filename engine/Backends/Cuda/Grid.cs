namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>Sizes of a launch grid in blocks, or of a block in threads.</summary>
/// <param name="X">Fastest axis.</param>
/// <param name="Y">Second axis.</param>
/// <param name="Z">Third axis.</param>
internal readonly record struct Grid(int X, int Y = 1, int Z = 1)
{
    /// <summary>A one-dimensional size.</summary>
    /// <param name="x">Fastest axis.</param>
    public static implicit operator Grid(int x) => new(x);

    /// <summary>Blocks that cover a number of items.</summary>
    /// <param name="items">Items.</param>
    /// <param name="perBlock">Items one block takes.</param>
    public static Grid Over(long items, int perBlock) => new(checked((int)((items + perBlock - 1) / perBlock)));
}
