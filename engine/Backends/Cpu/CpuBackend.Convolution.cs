using LDaeCore.Engine.Backends.Cpu.Gemm;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>
/// Convolutions as products of tiles of windows: a few hundred rows of the matrix of windows are copied together, multiplied while they are
/// in the cache, and overwritten by the next ones. Where tiles begin depends on the shape alone, and so does every sum.
/// </content>
public sealed unsafe partial class CpuBackend
{
    /// <summary>A tile's rows are whole blocks of rows of the matrix product.</summary>
    private const int WindowRows = 96;

    /// <summary>About how many floats a tile of windows has: 1 MB, half of a second-level cache.</summary>
    internal int WindowElements { get; init; } = 1 << 18;

    void IKernels.Convolution(in ConvolutionArgs args)
    {
        var windows = ConvolutionWindows.OfInput(args);
        var (tile, outputs) = (windows.TileRows(WindowElements, WindowRows), args.Outputs);
        var scratch = SharedScratch(WindowFloats(windows, tile));
        for (var first = 0; first < windows.Rows; first += tile)
        {
            var rows = Math.Min(tile, windows.Rows - first);
            var at = (nint)first * outputs;
            _gemm.Run(new GemmCall
            {
                A = Gather(windows, F32(args.X), first, rows, scratch),
                B = F32(args.Weight),
                C = F32(args.Y) + at,
                M = rows,
                N = outputs,
                K = windows.Columns,
                TransposeB = true,
                Bias = F32OrNull(args.Bias),
                Residual = args.Residual is null ? null : F32(args.Residual) + at,
                ResidualRows = rows,
            });
        }
    }

    void IKernels.ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate)
    {
        var windows = ConvolutionWindows.OfOutput(args);
        var tile = windows.TileRows(WindowElements, WindowRows);
        int outputs = args.Outputs, taps = args.Taps, inputs = args.Inputs;

        // The weight as [Kh Kw N, C]: sums here run over places and outputs.
        var swapped = SharedScratch(((long)outputs * taps * inputs) + WindowFloats(windows, tile));
        var scratch = swapped + ((nint)outputs * taps * inputs);
        for (var row = 0; row < outputs * taps; row++)
        {
            var from = new Span<float>(F32(args.Weight) + ((nint)row * inputs), inputs);
            from.CopyTo(new Span<float>(swapped + ((nint)((row % taps * outputs) + (row / taps)) * inputs), inputs));
        }

        for (var first = 0; first < windows.Rows; first += tile)
        {
            var rows = Math.Min(tile, windows.Rows - first);
            _gemm.Run(new GemmCall
            {
                A = Gather(windows, F32(dy), first, rows, scratch),
                B = swapped,
                C = F32(dx) + ((nint)first * inputs),
                M = rows,
                N = inputs,
                K = windows.Columns,
                Accumulate = accumulate,
                ResidualRows = 1,
            });
        }
    }

    void IKernels.ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate)
    {
        var windows = ConvolutionWindows.OfInput(args);
        var (tile, outputs) = (windows.TileRows(WindowElements, WindowRows), args.Outputs);
        var scratch = SharedScratch(WindowFloats(windows, tile));
        for (var first = 0; first < windows.Rows; first += tile)
        {
            var rows = Math.Min(tile, windows.Rows - first);
            _gemm.Run(new GemmCall
            {
                A = F32(dy) + ((nint)first * outputs),
                B = Gather(windows, F32(args.X), first, rows, scratch),
                C = F32(dWeight),
                M = outputs,
                N = windows.Columns,
                K = rows,
                TransposeA = true,
                Accumulate = accumulate || first > 0,
                ResidualRows = 1,
            });
        }
    }

    void IKernels.Upsample(Tensor x, Tensor y)
    {
        int width = x.Shape[2], channels = x.Shape[3];
        float* from = F32(x), to = F32(y);
        _pool.Run(x.Shape[0] * x.Shape[1], (row, _) =>
        {
            var source = from + ((nint)row * width * channels);
            var result = to + ((nint)row * 4 * width * channels);
            for (var pixel = 0; pixel < width; pixel++)
            {
                var value = new Span<float>(source + ((nint)pixel * channels), channels);
                value.CopyTo(new Span<float>(result + ((nint)2 * pixel * channels), channels));
                value.CopyTo(new Span<float>(result + ((((nint)2 * pixel) + 1) * channels), channels));
            }

            new Span<float>(result, 2 * width * channels).CopyTo(new Span<float>(result + ((nint)2 * width * channels), 2 * width * channels));
        });
    }

    void IKernels.UpsampleBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        int width = dx.Shape[2], channels = dx.Shape[3];
        float* from = F32(dy), to = F32(dx);
        _pool.Run(dx.Shape[0] * dx.Shape[1], (row, _) =>
        {
            var upper = from + ((nint)row * 4 * width * channels);
            var lower = upper + ((nint)2 * width * channels);
            for (var pixel = 0; pixel < width; pixel++)
            {
                nint left = 2 * pixel * channels, right = left + channels;
                var result = to + ((((nint)row * width) + pixel) * channels);
                for (var c = 0; c < channels; c += Lanes.Count)
                {
                    var rest = channels - c;
                    var sum = Lanes.Load(upper + left + c, rest) + Lanes.Load(upper + right + c, rest)
                        + (Lanes.Load(lower + left + c, rest) + Lanes.Load(lower + right + c, rest));
                    Put(sum, result + c, rest, accumulate);
                }
            }
        });
    }

    void IKernels.ToPatches(Tensor image, int patch, Tensor patches, bool accumulate) => MoveRuns(image, patch, patches, accumulate, toPatches: true);

    void IKernels.FromPatches(Tensor patches, int patch, Tensor image, bool accumulate) => MoveRuns(image, patch, patches, accumulate, toPatches: false);

    /// <summary>A patch's row of pixels is one run of values in the image and in the patch.</summary>
    private void MoveRuns(Tensor image, int patch, Tensor patches, bool accumulate, bool toPatches)
    {
        int height = image.Shape[1], width = image.Shape[2], run = patch * image.Shape[3], across = width / patch;
        float* pixels = F32(image), tokens = F32(patches);
        _pool.Run(image.Shape[0] * height, (row, _) =>
        {
            int inside = row % height;
            var firstToken = (((row / height) * (height / patch)) + (inside / patch)) * across;
            for (var column = 0; column < across; column++)
            {
                var outer = pixels + ((((nint)row * across) + column) * run);
                var inner = tokens + ((((nint)(firstToken + column) * patch) + (inside % patch)) * run);
                float* from = toPatches ? outer : inner, to = toPatches ? inner : outer;
                for (var i = 0; i < run; i += Lanes.Count)
                {
                    Put(Lanes.Load(from + i, run - i), to + i, run - i, accumulate);
                }
            }
        });
    }

    private static long WindowFloats(in ConvolutionWindows windows, int tile) =>
        windows.IsSource ? 1 : (long)Math.Min(tile, windows.Rows) * windows.Columns;

    /// <summary>Copies rows of the matrix of windows together; the source itself where it is that matrix.</summary>
    private float* Gather(in ConvolutionWindows windows, float* source, int first, int rows, float* scratch)
    {
        if (windows.IsSource)
        {
            return source;
        }

        var w = windows;
        Pieces(rows, WindowRows, (start, count) =>
        {
            for (var row = start; row < start + count; row++)
            {
                GatherRow(w, source, first + (int)row, scratch + ((nint)row * w.Columns));
            }
        });
        return scratch;
    }

    private static void GatherRow(in ConvolutionWindows windows, float* source, int row, float* to)
    {
        int j = row % windows.Width, i = row / windows.Width % windows.Height, image = row / windows.Width / windows.Height;
        for (var u = 0; u < windows.KernelHeight; u++)
        {
            var y = windows.SourceOf(i, u, windows.SourceHeight);
            for (var v = 0; v < windows.KernelWidth; v++, to += windows.Channels)
            {
                var x = windows.SourceOf(j, v, windows.SourceWidth);
                var pixel = new Span<float>(to, windows.Channels);
                if (y < 0 || x < 0)
                {
                    pixel.Clear();
                }
                else
                {
                    var at = (((((nint)image * windows.SourceHeight) + y) * windows.SourceWidth) + x) * windows.Channels;
                    new Span<float>(source + at, windows.Channels).CopyTo(pixel);
                }
            }
        }
    }
}
