using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Gemm;
using LDaeCore.Engine.Backends.Cpu.Vectors;

namespace LDaeCore.Engine.Backends.Cpu.Kernels;

/// <summary>
/// Attention of one head of one image in tiles of 48 queries by 64 keys (Dao et al. 2022): scores of a tile live in scratch
/// memory of 12 KB, are turned into weights there against a running row maximum, and are multiplied with the values at once, so
/// that the T x T matrix never exists. The backward rebuilds each tile's weights from the saved log-sum-exp.
/// All products run on the micro-kernel of the matrix product.
/// </summary>
internal static unsafe class FlashAttention
{
    private const int QueryTile = 48, KeyTile = 64, TileFloats = (QueryTile * KeyTile) + MicroKernel.Columns;

    /// <summary>One head of one image: where its rows are. Strides are in floats.</summary>
    internal struct Head
    {
        public float* Q, K, V, O, DO, DQ, DK, DV, LogSumExp;
        public int Tokens, Size;

        /// <summary>From one token's packed row to the next.</summary>
        public nint Stride;

        /// <summary>From one token's output row to the next.</summary>
        public nint OutputStride;
    }

    /// <summary>Floats of scratch memory a thread needs, forward or backward.</summary>
    public static long ScratchFloats(int tokens, int size) =>
        (3L * Up(tokens, KeyTile) * Up(size, MicroKernel.Columns)) + (2L * QueryTile * Up(size, MicroKernel.Columns)) + (2 * TileFloats) + Tile.ScratchFloats;

    /// <summary>O and the log-sum-exp of every query.</summary>
    public static void Forward(in Head head, float* scratch)
    {
        int tokens = head.Tokens, size = head.Size, padded = Up(size, MicroKernel.Columns);
        var keys = scratch;
        var values = keys + ((nint)Up(tokens, KeyTile) * padded);
        var scores = values + ((nint)Up(tokens, KeyTile) * padded);
        var edge = scores + TileFloats;
        PackByColumns(head.K, head.Stride, tokens, size, keys);
        PackByRows(head.V, head.Stride, tokens, size, KeyTile, values);
        var scale = 1 / MathF.Sqrt(size);
        var max = stackalloc float[QueryTile];
        var sum = stackalloc float[QueryTile];
        for (var q = 0; q < tokens; q += QueryTile)
        {
            var rows = Math.Min(QueryTile, tokens - q);
            var o = head.O + (q * head.OutputStride);
            new Span<float>(max, rows).Fill(float.NegativeInfinity);
            new Span<float>(sum, rows).Clear();
            for (var k = 0; k < tokens; k += KeyTile)
            {
                var count = Math.Min(KeyTile, tokens - k);
                ScoreTile(head.Q + (q * head.Stride), head.Stride, rows, size, keys + ((nint)k * size), count, scores, edge);
                for (var r = 0; r < rows; r++)
                {
                    var shrink = Weights(scores + (r * KeyTile), count, scale, ref max[r], ref sum[r]);
                    if (k > 0 && shrink != 1)
                    {
                        Multiply(o + (r * head.OutputStride), shrink, size);
                    }
                }

                Accumulate(scores, rows, count, values + ((nint)k * padded), size, o, head.OutputStride, k > 0, edge);
            }

            for (var r = 0; r < rows; r++)
            {
                Multiply(o + (r * head.OutputStride), 1 / sum[r], size);
                head.LogSumExp[q + r] = max[r] + MathF.Log(sum[r]);
            }
        }
    }

    /// <summary>
    /// With P = exp(S - lse) and dP = dO V^T: dV = P^T dO; dS = P * (dP - rowsum(dO * O)) / sqrt(D); dQ = dS K; dK = dS^T Q.
    /// </summary>
    public static void Backward(in Head head, float* scratch)
    {
        int tokens = head.Tokens, size = head.Size, padded = Up(size, MicroKernel.Columns);
        var block = (nint)Up(tokens, KeyTile) * padded;
        float* keys = scratch, values = keys + block, keyRows = values + block, queryRows = keyRows + block;
        float* gradientRows = queryRows + (QueryTile * padded), p = gradientRows + (QueryTile * padded), ds = p + TileFloats, edge = ds + TileFloats;
        PackByColumns(head.K, head.Stride, tokens, size, keys);
        PackByColumns(head.V, head.Stride, tokens, size, values);
        PackByRows(head.K, head.Stride, tokens, size, KeyTile, keyRows);
        var scale = 1 / MathF.Sqrt(size);
        for (var q = 0; q < tokens; q += QueryTile)
        {
            var rows = Math.Min(QueryTile, tokens - q);
            float* query = head.Q + (q * head.Stride), gradient = head.DO + (q * head.OutputStride), o = head.O + (q * head.OutputStride);
            PackByRows(query, head.Stride, rows, size, QueryTile, queryRows);
            PackByRows(gradient, head.OutputStride, rows, size, QueryTile, gradientRows);
            for (var k = 0; k < tokens; k += KeyTile)
            {
                var count = Math.Min(KeyTile, tokens - k);
                ScoreTile(query, head.Stride, rows, size, keys + ((nint)k * size), count, p, edge);
                ScoreTile(gradient, head.OutputStride, rows, size, values + ((nint)k * size), count, ds, edge);
                for (var r = 0; r < rows; r++)
                {
                    var delta = Lanes.Dot(gradient + (r * head.OutputStride), o + (r * head.OutputStride), size);
                    ScoreGradient(p + (r * KeyTile), ds + (r * KeyTile), count, scale, head.LogSumExp[q + r], delta);
                }

                AccumulateTransposed(p, rows, count, gradientRows, size, head.DV + (k * head.Stride), head.Stride, q > 0, edge);
                AccumulateTransposed(ds, rows, count, queryRows, size, head.DK + (k * head.Stride), head.Stride, q > 0, edge);
                Accumulate(ds, rows, count, keyRows + ((nint)k * padded), size, head.DQ + (q * head.Stride), head.Stride, k > 0, edge);
            }
        }
    }

    private static int Up(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>Tokens become columns: panels of 16 tokens, each of depth <paramref name="size"/>.</summary>
    private static void PackByColumns(float* from, nint stride, int tokens, int size, float* to)
    {
        for (var t = 0; t < tokens; t += MicroKernel.Columns)
        {
            Packing.PanelByColumns(from + (t * stride), stride, size, tokens - t, to + ((nint)t * size));
        }
    }

    /// <summary>Tokens stay rows: for each tile of tokens, panels of 16 of the head's columns, each as deep as the tile.</summary>
    private static void PackByRows(float* from, nint stride, int tokens, int size, int tile, float* to)
    {
        var padded = Up(size, MicroKernel.Columns);
        for (var t = 0; t < tokens; t += tile)
        {
            var depth = Math.Min(tile, tokens - t);
            for (var c = 0; c < size; c += MicroKernel.Columns)
            {
                Packing.PanelByRows(from + (t * stride) + c, stride, depth, size - c, to + ((nint)t * padded) + (c * depth));
            }
        }
    }

    /// <summary>scores[rows, count] = a b^T with b packed by columns.</summary>
    private static void ScoreTile(float* a, nint stride, int rows, int size, float* packed, int count, float* scores, float* edge)
    {
        for (var column = 0; column < count; column += MicroKernel.Columns)
        {
            for (var r = 0; r < rows; r += MicroKernel.Rows)
            {
                var height = Math.Min(MicroKernel.Rows, rows - r);
                Tile.ByRows(size, a + (r * stride), stride, packed + ((nint)column * size), scores + (r * KeyTile) + column, KeyTile, height, MicroKernel.Columns, false, edge);
            }
        }
    }

    /// <summary>c[rows, size] (+)= a[rows, depth] b with b packed by rows.</summary>
    private static void Accumulate(float* a, int rows, int depth, float* packed, int size, float* c, nint stride, bool accumulate, float* edge)
    {
        for (var column = 0; column < size; column += MicroKernel.Columns)
        {
            for (var r = 0; r < rows; r += MicroKernel.Rows)
            {
                int height = Math.Min(MicroKernel.Rows, rows - r), width = Math.Min(MicroKernel.Columns, size - column);
                Tile.ByRows(depth, a + (r * KeyTile), KeyTile, packed + (column * depth), c + (r * stride) + column, stride, height, width, accumulate, edge);
            }
        }
    }

    /// <summary>c[columns of a, size] (+)= a^T b with a[depth, columns] a tile and b packed by rows.</summary>
    private static void AccumulateTransposed(float* a, int depth, int columns, float* packed, int size, float* c, nint stride, bool accumulate, float* edge)
    {
        for (var column = 0; column < size; column += MicroKernel.Columns)
        {
            for (var r = 0; r < columns; r += MicroKernel.Rows)
            {
                int height = Math.Min(MicroKernel.Rows, columns - r), width = Math.Min(MicroKernel.Columns, size - column);
                Tile.ByColumns(depth, a + r, KeyTile, packed + (column * depth), c + (r * stride) + column, stride, height, width, accumulate, edge);
            }
        }
    }

    /// <summary>Turns a row of scores into exp(scale s - max), keeping the running maximum and sum; returns what earlier sums shrink by.</summary>
    private static float Weights(float* row, int count, float scale, ref float max, ref float sum)
    {
        var lowest = Vector256.Create(float.NegativeInfinity);
        var top = lowest;
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var s = Vector256.Load(row + i);
            top = Vector256.Max(top, count - i >= Lanes.Count ? s : Vector256.ConditionalSelect(Lanes.Mask(count - i), s, lowest));
        }

        var highest = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes.Count; lane++)
        {
            highest = MathF.Max(highest, top.GetElement(lane));
        }

        var newMax = MathF.Max(max, highest * scale);
        Vector256<float> factor = Vector256.Create(scale), offset = Vector256.Create(-newMax), total = default;
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var weight = VectorMath.Exp(Vector256.MultiplyAddEstimate(Vector256.Load(row + i), factor, offset));
            if (count - i < Lanes.Count)
            {
                weight &= Lanes.Mask(count - i);
            }

            weight.Store(row + i);
            total += weight;
        }

        var shrink = MathF.Exp(max - newMax);
        sum = (sum * shrink) + Vector256.Sum(total);
        max = newMax;
        return shrink;
    }

    /// <summary>p = exp(scale s - lse) overwrites the scores; ds = p (dp - delta) scale overwrites dp.</summary>
    private static void ScoreGradient(float* p, float* ds, int count, float scale, float lse, float delta)
    {
        Vector256<float> factor = Vector256.Create(scale), offset = Vector256.Create(-lse), mean = Vector256.Create(delta);
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var weight = VectorMath.Exp(Vector256.MultiplyAddEstimate(Vector256.Load(p + i), factor, offset));
            weight.Store(p + i);
            ((Vector256.Load(ds + i) - mean) * weight * factor).Store(ds + i);
        }
    }

    private static void Multiply(float* row, float factor, int count)
    {
        var f = Vector256.Create(factor);
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var left = count - i;
            Lanes.Store(Lanes.Load(row + i, left) * f, row + i, left);
        }
    }
}
