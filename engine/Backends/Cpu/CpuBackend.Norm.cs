using LDaeCore.Engine.Backends.Cpu.Kernels;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Layer and batch normalisation.</content>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Rows of one piece of work; sums over rows are first made within a piece.</summary>
    private const int ChunkRows = 64;

    void IKernels.LayerNorm(in LayerNormArgs args)
    {
        var a = args;
        var tokens = a.X.Shape.Rows / a.Images;
        Pieces(a.X.Shape.Rows, ChunkRows, (first, count) =>
        {
            for (var r = first; r < first + count; r++)
            {
                LayerNormKernel.Forward(RowOf(a, r, (int)(r / tokens)));
            }
        });
    }

    void IKernels.LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients)
    {
        var a = args;
        var g = gradients;
        int columns = a.X.Shape.Columns, tokens = a.X.Shape.Rows / a.Images, chunks = (tokens + ChunkRows - 1) / ChunkRows;
        var sums = SharedScratch(3L * a.Images * chunks * columns);
        var normalized = g.DY is not null && a.Y is not null;
        bool wantsGate = g.DGate is not null, wantsShift = normalized && (g.DShift is not null || g.DBias is not null);
        var wantsScale = normalized && (g.DScale is not null || g.DWeight is not null);
        _pool.Run(a.Images * chunks, (piece, _) =>
        {
            var part = sums + (3L * piece * columns);
            new Span<float>(part, 3 * columns).Clear();
            int image = piece / chunks, first = piece % chunks * ChunkRows;
            for (var token = first; token < Math.Min(tokens, first + ChunkRows); token++)
            {
                var r = ((long)image * tokens) + token;
                var row = RowOf(a, r, image);
                row.DY = normalized ? F32(g.DY!) + (r * columns) : null;
                row.DH = g.DH is null ? null : F32(g.DH) + (r * columns);
                row.DX = F32(g.DX) + (r * columns);
                row.AccumulateDX = g.AccumulateDX;
                row.DBranch = g.DBranch is null ? null : F32(g.DBranch) + (r * columns);
                row.SumGate = wantsGate ? part : null;
                row.SumShift = wantsShift ? part + columns : null;
                row.SumScale = wantsScale ? part + (2 * columns) : null;
                LayerNormKernel.Backward(row);
            }
        });
        AddSums(g, sums, a.Images, chunks, columns, normalized);
    }

    void IKernels.BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd)
    {
        int rows = x.Shape.Rows, columns = x.Shape.Columns;
        float* from = F32(x), to = F32(y), m = F32(mean), s = F32(rstd);
        Pieces(columns, 16, (first, count) =>
        {
            for (var c = first; c < first + count; c++)
            {
                double sum = 0, squares = 0;
                for (var r = 0; r < rows; r++)
                {
                    sum += from[((long)r * columns) + c];
                }

                var center = sum / rows;
                for (var r = 0; r < rows; r++)
                {
                    var d = from[((long)r * columns) + c] - center;
                    squares += d * d;
                }

                var scale = 1 / Math.Sqrt((squares / rows) + 1e-6);
                (m[c], s[c]) = ((float)center, (float)scale);
                for (var r = 0; r < rows; r++)
                {
                    to[((long)r * columns) + c] = (float)((from[((long)r * columns) + c] - center) * scale);
                }
            }
        });
    }

    void IKernels.BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate)
    {
        int rows = y.Shape.Rows, columns = y.Shape.Columns;
        float* g = F32(dy), xhat = F32(y), s = F32(rstd), to = F32(dx);
        Pieces(columns, 16, (first, count) =>
        {
            for (var c = first; c < first + count; c++)
            {
                double meanG = 0, meanGx = 0;
                for (var r = 0; r < rows; r++)
                {
                    var at = ((long)r * columns) + c;
                    meanG += g[at];
                    meanGx += (double)g[at] * xhat[at];
                }

                (meanG, meanGx) = (meanG / rows, meanGx / rows);
                for (var r = 0; r < rows; r++)
                {
                    var at = ((long)r * columns) + c;
                    var value = (float)(s[c] * (g[at] - meanG - (xhat[at] * meanGx)));
                    to[at] = accumulate ? to[at] + value : value;
                }
            }
        });
    }

    private static LayerNormKernel.Row RowOf(in LayerNormArgs args, long r, int image)
    {
        var columns = args.X.Shape.Columns;
        var at = r * columns;
        return new LayerNormKernel.Row
        {
            X = F32(args.X) + at,
            Branch = args.Branch is null ? null : F32(args.Branch) + at,
            H = args.H is null ? null : F32(args.H) + at,
            Y = args.Y is null ? null : F32(args.Y) + at,
            Mean = args.Mean is null ? null : F32(args.Mean) + r,
            Rstd = args.Rstd is null ? null : F32(args.Rstd) + r,
            Gate = TableRow(args.Gate, image, columns),
            Shift = TableRow(args.Shift, image, columns),
            Scale = TableRow(args.Scale, image, columns),
            Weight = F32OrNull(args.Weight),
            Bias = F32OrNull(args.Bias),
            Columns = columns,
            Epsilon = (float)args.Epsilon,
        };
    }

    private static float* TableRow(Modulation? modulation, int image, int columns) =>
        modulation is { } m ? F32(m.Table) + ((long)image * m.Table.Shape.Columns) + ((long)m.Chunk * columns) : null;

    /// <summary>Adds the pieces' sums, in the order of the rows: an image's to its row of a table, all to a weight or bias.</summary>
    private void AddSums(LayerNormGradients g, float* sums, int images, int chunks, int columns, bool normalized)
    {
        _pool.Run(images, (image, _) =>
        {
            float* dGate = TableRow(g.DGate, image, columns), dShift = TableRow(normalized ? g.DShift : null, image, columns);
            var dScale = TableRow(normalized ? g.DScale : null, image, columns);
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                AddPart(sums + (3L * ((image * chunks) + chunk) * columns), dGate, dShift, dScale, columns);
            }
        });
        if (normalized && (g.DWeight ?? g.DBias) is not null)
        {
            for (var piece = 0; piece < images * chunks; piece++)
            {
                AddPart(sums + (3L * piece * columns), null, F32OrNull(g.DBias), F32OrNull(g.DWeight), columns);
            }
        }
    }

    private static void AddPart(float* part, float* gate, float* shift, float* scale, int columns)
    {
        for (var i = 0; i < 3; i++)
        {
            var to = i switch { 0 => gate, 1 => shift, _ => scale };
            if (to is not null)
            {
                AddRow(part + ((long)i * columns), to, columns);
            }
        }
    }
}
