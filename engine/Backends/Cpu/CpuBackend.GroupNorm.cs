using LDaeCore.Engine.Backends.Cpu.Kernels;
using LDaeCore.Engine.Backends.Cpu.Vectors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>
/// Group normalisation. An image's pixels are cut into pieces; a piece gives one sum a channel, and the sums of a group's channels and of
/// all pieces are added in order, in double.
/// </content>
public sealed unsafe partial class CpuBackend
{
    void IKernels.GroupNorm(in GroupNormArgs args)
    {
        var a = args;
        var cut = new GroupNormCut(a);
        var sums = SharedScratch((long)cut.Pieces * a.Channels);
        float* x = F32(a.X), y = F32(a.Y), mean = F32(a.Mean), rstd = F32(a.Rstd), weight = F32(a.Weight), bias = F32(a.Bias);
        ReserveThreadScratch(2L * a.Channels);
        _pool.Run(cut.Pieces, (piece, _) => GroupNormKernel.Sum(x + cut.First(piece), cut.Rows(piece), a.Channels, sums + ((nint)piece * a.Channels)));
        _pool.Run(a.Images, (image, _) =>
        {
            for (var group = 0; group < a.Groups; group++)
            {
                mean[(image * a.Groups) + group] = (float)(cut.Total(sums, 1, image, group, null) / cut.Count);
            }
        });
        _pool.Run(cut.Pieces, (piece, worker) =>
        {
            var center = ThreadScratch(worker);
            cut.Spread(mean, piece / cut.Chunks, center);
            GroupNormKernel.SumSquares(x + cut.First(piece), center, cut.Rows(piece), a.Channels, sums + ((nint)piece * a.Channels));
        });
        _pool.Run(a.Images, (image, _) =>
        {
            for (var group = 0; group < a.Groups; group++)
            {
                rstd[(image * a.Groups) + group] = (float)(1 / Math.Sqrt((cut.Total(sums, 1, image, group, null) / cut.Count) + 1e-6));
            }
        });
        _pool.Run(cut.Pieces, (piece, worker) =>
        {
            float* center = ThreadScratch(worker), slope = center + a.Channels;
            cut.Spread(mean, piece / cut.Chunks, center);
            cut.Spread(rstd, piece / cut.Chunks, slope);
            Multiply(slope, weight, a.Channels);
            GroupNormKernel.Apply(x + cut.First(piece), center, slope, bias, cut.Rows(piece), a.Channels, y + cut.First(piece));
        });
    }

    void IKernels.GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients)
    {
        var a = args;
        var cut = new GroupNormCut(a);
        var sums = SharedScratch((2L * cut.Pieces * a.Channels) + (2L * a.Images * a.Groups));
        float* meanG = sums + (2 * (nint)cut.Pieces * a.Channels), meanGx = meanG + (a.Images * a.Groups);
        float* x = F32(a.X), mean = F32(a.Mean), rstd = F32(a.Rstd), weight = F32(a.Weight), dy = F32(gradients.DY), dx = F32OrNull(gradients.DX);
        ReserveThreadScratch(4L * a.Channels);
        _pool.Run(cut.Pieces, (piece, worker) =>
        {
            float* center = ThreadScratch(worker), slope = center + a.Channels, part = sums + (2 * (nint)piece * a.Channels);
            cut.Spread(mean, piece / cut.Chunks, center);
            cut.Spread(rstd, piece / cut.Chunks, slope);
            GroupNormKernel.SumGradients(x + cut.First(piece), dy + cut.First(piece), center, slope, cut.Rows(piece), a.Channels, part);
        });
        if (dx is not null)
        {
            _pool.Run(a.Images, (image, _) =>
            {
                for (var group = 0; group < a.Groups; group++)
                {
                    var at = (image * a.Groups) + group;
                    meanG[at] = (float)(cut.Total(sums, 2, image, group, weight) / cut.Count);
                    meanGx[at] = (float)(cut.Total(sums + a.Channels, 2, image, group, weight) / cut.Count);
                }
            });
            var add = gradients.AccumulateDX;
            _pool.Run(cut.Pieces, (piece, worker) =>
            {
                float* center = ThreadScratch(worker), slope = center + a.Channels, g = slope + a.Channels, gx = g + a.Channels;
                var image = piece / cut.Chunks;
                cut.Spread(mean, image, center);
                cut.Spread(rstd, image, slope);
                cut.Spread(meanG, image, g);
                cut.Spread(meanGx, image, gx);
                GroupNormKernel.Backward(x + cut.First(piece), dy + cut.First(piece), weight, center, cut.Rows(piece), a.Channels, dx + cut.First(piece), add);
            });
        }

        for (var piece = 0; piece < cut.Pieces; piece++)
        {
            AddPart(sums + (2 * (nint)piece * a.Channels), F32OrNull(gradients.DBias), F32OrNull(gradients.DWeight), a.Channels);
        }
    }

    private static void Multiply(float* values, float* factors, int count)
    {
        for (var i = 0; i < count; i += Lanes.Count)
        {
            Lanes.Store(Lanes.Load(values + i, count - i) * Lanes.Load(factors + i, count - i), values + i, count - i);
        }
    }

    private static void AddPart(float* part, float* dBias, float* dWeight, int channels)
    {
        if (dBias is not null)
        {
            AddRow(part, dBias, channels);
        }

        if (dWeight is not null)
        {
            AddRow(part + channels, dWeight, channels);
        }
    }

    /// <summary>How an image's pixels are cut into pieces of about 16,384 values; by the shape alone.</summary>
    private readonly struct GroupNormCut
    {
        private readonly int _pixels, _channels, _groups, _groupChannels, _pieceRows;

        public GroupNormCut(in GroupNormArgs args)
        {
            (_pixels, _channels, _groups, _groupChannels) = (args.Pixels, args.Channels, args.Groups, args.GroupChannels);
            _pieceRows = Math.Max(1, PieceElements / _channels);
            Chunks = (_pixels + _pieceRows - 1) / _pieceRows;
            Pieces = args.Images * Chunks;
        }

        /// <summary>Pieces of one image.</summary>
        public int Chunks { get; }

        /// <summary>Pieces in all.</summary>
        public int Pieces { get; }

        /// <summary>Values of one group of one image.</summary>
        public double Count => (double)_pixels * _groupChannels;

        /// <summary>First value of a piece.</summary>
        public nint First(int piece) => (((nint)(piece / Chunks) * _pixels) + (piece % Chunks * _pieceRows)) * _channels;

        /// <summary>Pixels of a piece.</summary>
        public int Rows(int piece) => Math.Min(_pieceRows, _pixels - (piece % Chunks * _pieceRows));

        /// <summary>A group's sum over its channels, weighted or not, and over the image's pieces.</summary>
        public double Total(float* sums, int rowsPerPiece, int image, int group, float* weight)
        {
            var total = 0.0;
            for (var chunk = 0; chunk < Chunks; chunk++)
            {
                var row = sums + ((nint)((image * Chunks) + chunk) * rowsPerPiece * _channels);
                for (var c = group * _groupChannels; c < (group + 1) * _groupChannels; c++)
                {
                    total += weight is null ? row[c] : (double)row[c] * weight[c];
                }
            }

            return total;
        }

        /// <summary>A value a group, written once for each of its channels.</summary>
        public void Spread(float* groups, int image, float* channels)
        {
            for (var c = 0; c < _channels; c++)
            {
                channels[c] = groups[(image * _groups) + (c / _groupChannels)];
            }
        }
    }
}
