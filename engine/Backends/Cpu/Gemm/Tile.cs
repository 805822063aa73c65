namespace LDaeCore.Engine.Backends.Cpu.Gemm;

/// <summary>
/// A tile that may hang over the edge of C: computed whole in a scratch tile, of which the inside is stored. Rows below the edge
/// read the last row again; their results are dropped.
/// </summary>
internal static unsafe class Tile
{
    /// <summary>Floats of the scratch tile.</summary>
    public const int ScratchFloats = MicroKernel.Rows * MicroKernel.Columns;

    /// <summary>A by rows, of which the last tile may have fewer than six.</summary>
    public static void ByRows(int depth, float* a, nint stride, float* panel, float* c, nint cStride, int rows, int columns, bool accumulate, float* edge)
    {
        if (rows == MicroKernel.Rows && columns == MicroKernel.Columns)
        {
            MicroKernel.ByRows(depth, a, stride, panel, c, cStride, accumulate);
        }
        else if (rows == MicroKernel.Rows)
        {
            MicroKernel.ByRows(depth, a, stride, panel, edge, MicroKernel.Columns, false);
            Inside(edge, c, cStride, rows, columns, accumulate);
        }
        else
        {
            for (var r = 0; r < rows; r++)
            {
                // A row of its own six times over: slow, exact, and only ever the last five rows of a matrix.
                MicroKernel.ByRows(depth, a + (r * stride), 0, panel, edge, MicroKernel.Columns, false);
                Inside(edge, c + (r * cStride), cStride, 1, columns, accumulate);
            }
        }
    }

    /// <summary>A by columns; six values can be read at every step of k even below the edge.</summary>
    public static void ByColumns(int depth, float* a, nint stride, float* panel, float* c, nint cStride, int rows, int columns, bool accumulate, float* edge)
    {
        if (rows == MicroKernel.Rows && columns == MicroKernel.Columns)
        {
            MicroKernel.ByColumns(depth, a, stride, panel, c, cStride, accumulate);
            return;
        }

        MicroKernel.ByColumns(depth, a, stride, panel, edge, MicroKernel.Columns, false);
        Inside(edge, c, cStride, rows, columns, accumulate);
    }

    private static void Inside(float* edge, float* c, nint cStride, int rows, int columns, bool accumulate)
    {
        for (var r = 0; r < rows; r++)
        {
            for (var i = 0; i < columns; i++)
            {
                var value = edge[(r * MicroKernel.Columns) + i];
                c[(r * cStride) + i] = accumulate ? c[(r * cStride) + i] + value : value;
            }
        }
    }
}
