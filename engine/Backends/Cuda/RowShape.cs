using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// How a row is spread over threads that keep it in registers: <paramref name="Threads"/> threads with <paramref name="Packs"/> packs of 16
/// bytes each. Few threads need few barriers, few packs leave registers for more blocks an SM.
/// </summary>
/// <param name="Threads">ROW_THREADS of the kernels.</param>
/// <param name="Packs">ROW_PACKS of the kernels.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct RowShape(int Threads, int Packs)
{
    /// <summary>Longest row: beyond it the sums of the backward would not fit the registers of an SM.</summary>
    public const int MostColumns = 8192;

    /// <summary>Rows a block works on at a time, ROW_GROUPS of the kernels.</summary>
    public int Groups => Threads >= 128 ? 1 : 128 / Threads;

    /// <summary>Threads of a block.</summary>
    public int BlockThreads => Threads * Groups;

    /// <summary>All shapes of forward passes, which keep the row alone.</summary>
    public static ReadOnlySpan<RowShape> Forwards => new RowShape[] { new(32, 1), new(32, 2), new(32, 4), new(128, 4), new(512, 4) };

    /// <summary>All shapes of backward passes, which keep four rows' worth and three sums a column.</summary>
    /// <param name="pack">Values in 16 bytes.</param>
    public static ReadOnlySpan<RowShape> Backwards(int pack) => pack == 8
        ? new RowShape[] { new(32, 1), new(64, 1), new(128, 1), new(256, 1), new(256, 4) }
        : new RowShape[] { new(32, 1), new(32, 2), new(128, 2), new(256, 8) };

    /// <summary>The shape for a forward pass.</summary>
    /// <param name="columns">Length of a row.</param>
    /// <param name="pack">Values in 16 bytes.</param>
    public static RowShape Forward(int columns, int pack) => Smallest(columns, pack, Forwards);

    /// <summary>The shape for a backward pass.</summary>
    /// <param name="columns">Length of a row.</param>
    /// <param name="pack">Values in 16 bytes.</param>
    public static RowShape Backward(int columns, int pack) => Smallest(columns, pack, Backwards(pack));

    private static RowShape Smallest(int columns, int pack, ReadOnlySpan<RowShape> shapes)
    {
        foreach (var shape in shapes)
        {
            if (columns <= shape.Threads * shape.Packs * pack && columns <= MostColumns)
            {
                return shape;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(columns), columns, $"Rows of more than {MostColumns} columns do not fit the registers they are normalised in.");
    }
}
