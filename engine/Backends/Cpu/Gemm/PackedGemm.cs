using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu.Gemm;

/// <summary>
/// C = epilogue(op(A) op(B)) in three levels of blocks (Goto and van de Geijn 2008, "Anatomy of high-performance matrix
/// multiplication"): a panel of B (up to 384 x 16, 24 KB) stays in the first-level cache while rows of A pass by; a block of A
/// (96 rows) stays in the second level while panels of B pass by; the packed part of B (384 x 1024, 1.5 MB) is shared by all
/// threads in the third. Threads take blocks of rows and columns of C; every element's sum runs over k in one order, whichever thread
/// computes it.
/// </summary>
internal sealed unsafe class PackedGemm : IDisposable
{
    private const int DepthBlock = 384, ColumnBlock = 1024, RowBlock = 96;

    private readonly WorkerPool _pool;
    private readonly HostStorage _packedB;
    private readonly HostStorage[] _packedA;

    public PackedGemm(WorkerPool pool)
    {
        _pool = pool;
        _packedB = new HostStorage(DepthBlock * ColumnBlock * sizeof(float));
        _packedA = Enumerable.Range(0, pool.Threads)
            .Select(_ => new HostStorage((((DepthBlock * RowBlock) + (MicroKernel.Rows * MicroKernel.Columns)) * sizeof(float)) + 64))
            .ToArray();
    }

    /// <summary>Bytes kept for packing.</summary>
    public long WorkspaceBytes => _packedB.Bytes + _packedA.Sum(a => a.Bytes);

    /// <summary>Computes the product.</summary>
    public void Run(GemmCall call)
    {
        var depthBlock = Even(call.K, DepthBlock, 1);
        var columnBlock = Even(call.N, ColumnBlock, MicroKernel.Columns);
        for (var n = 0; n < call.N; n += columnBlock)
        {
            for (var k = 0; k < call.K; k += depthBlock)
            {
                Block(call, n, Math.Min(columnBlock, call.N - n), k, Math.Min(depthBlock, call.K - k));
            }
        }
    }

    public void Dispose()
    {
        _packedB.Dispose();
        Array.ForEach(_packedA, a => a.Dispose());
    }

    /// <summary>Parts of equal length, at most <paramref name="limit"/>, so that no last part is a crumb.</summary>
    private static int Even(int length, int limit, int multiple)
    {
        var parts = (length + limit - 1) / limit;
        return Math.Max(1, (((length + parts - 1) / parts) + multiple - 1) / multiple * multiple);
    }

    private void Block(GemmCall call, int firstColumn, int columns, int firstDepth, int depth)
    {
        var panels = (columns + MicroKernel.Columns - 1) / MicroKernel.Columns;
        var packed = (float*)_packedB.Address;

        // A small product is not worth the threads' attention: about 20 microseconds of arithmetic.
        var small = (double)call.M * columns * depth < 1 << 20;
        var packChunk = small ? panels : 4;
        _pool.Run((panels + packChunk - 1) / packChunk, (chunk, _) =>
        {
            for (var p = chunk * packChunk; p < Math.Min(panels, (chunk + 1) * packChunk); p++)
            {
                PackPanel(call, firstColumn + (p * MicroKernel.Columns), columns - (p * MicroKernel.Columns), firstDepth, depth, packed + ((nint)p * depth * MicroKernel.Columns));
            }
        });

        // Few rows: smaller blocks, then cuts of the columns too, so that every thread has work. A transposed A is packed once a
        // piece, so its columns are cut last. No cut changes a sum: each element's runs over k in one order.
        var rowBlock = call.TransposeA && call.M <= 4 * RowBlock ? RowBlock / 2 : RowBlock;
        var rowBlocks = (call.M + rowBlock - 1) / rowBlock;
        var columnCuts = small ? 1 : Math.Clamp((call.TransposeA ? 4 : 8) / rowBlocks, 1, panels);
        var panelsPerCut = (panels + columnCuts - 1) / columnCuts;
        if (small)
        {
            for (var block = 0; block < rowBlocks; block++)
            {
                Rows(call, block * rowBlock, rowBlock, firstColumn, columns, firstDepth, depth, 0, panels, 0);
            }

            return;
        }

        _pool.Run(rowBlocks * columnCuts, (piece, worker) =>
        {
            var firstPanel = piece % columnCuts * panelsPerCut;
            Rows(call, piece / columnCuts * rowBlock, rowBlock, firstColumn, columns, firstDepth, depth, firstPanel, Math.Min(panels, firstPanel + panelsPerCut), worker);
        });
    }

    /// <summary>
    /// Rows a multiple of 4 KB apart share a few sets of the second-level cache and drive each other out of it, panel after panel: they
    /// are packed, where enough panels pass by to pay for that.
    /// </summary>
    private static bool Collides(in GemmCall call, int panels) => call.K % 1024 == 0 && panels >= 16;

    private static void PackPanel(in GemmCall call, int column, int columns, int firstDepth, int depth, float* panel)
    {
        if (call.TransposeB)
        {
            Packing.PanelByColumns(call.B + ((nint)column * call.K) + firstDepth, call.K, depth, columns, panel);
        }
        else
        {
            Packing.PanelByRows(call.B + ((nint)firstDepth * call.N) + column, call.N, depth, columns, panel);
        }
    }

    /// <summary>One block of rows against some panels of the packed part of B.</summary>
    private void Rows(in GemmCall call, int firstRow, int mostRows, int firstColumn, int columns, int firstDepth, int depth, int firstPanel, int endPanel, int worker)
    {
        var rows = Math.Min(mostRows, call.M - firstRow);
        var scratch = (float*)_packedA[worker].Address;
        var edge = scratch + (DepthBlock * RowBlock);
        var packed = call.TransposeA || Collides(call, endPanel - firstPanel);
        if (call.TransposeA)
        {
            Packing.RowsOfTransposed(call.A + ((nint)firstDepth * call.M) + firstRow, call.M, depth, rows, scratch);
        }
        else if (packed)
        {
            Packing.Rows(call.A + ((nint)firstRow * call.K) + firstDepth, call.K, depth, rows, scratch);
        }

        var accumulate = call.Accumulate || firstDepth > 0;
        var finish = firstDepth + depth == call.K && !Epilogue.IsEmpty(call);
        for (var p = firstPanel; p < endPanel; p++)
        {
            var panel = (float*)_packedB.Address + ((nint)p * depth * MicroKernel.Columns);
            var column = firstColumn + (p * MicroKernel.Columns);
            var width = Math.Min(MicroKernel.Columns, firstColumn + columns - column);
            for (var r = 0; r < rows; r += MicroKernel.Rows)
            {
                var height = Math.Min(MicroKernel.Rows, rows - r);
                var row = firstRow + r;
                var c = call.C + ((nint)row * call.N) + column;
                if (finish)
                {
                    Epilogue.Prefetch(call, row, column, height);
                }

                if (packed)
                {
                    Tile.ByColumns(depth, scratch + ((nint)r * depth), MicroKernel.Rows, panel, c, call.N, height, width, accumulate, edge);
                }
                else
                {
                    Tile.ByRows(depth, call.A + ((nint)row * call.K) + firstDepth, call.K, panel, c, call.N, height, width, accumulate, edge);
                }

                if (finish)
                {
                    Epilogue.Apply(call, row, column, height, width);
                }
            }
        }
    }
}
