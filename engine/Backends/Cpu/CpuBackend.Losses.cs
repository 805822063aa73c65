using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Gemm;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Losses with their gradients.</content>
public sealed unsafe partial class CpuBackend
{
    void IKernels.SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
    {
        int rows = logits.Shape.Rows, classes = logits.Shape.Columns;
        float* z = F32(logits), gradient = F32OrNull(dLogits);
        var label = (int*)labels.Address;
        var parts = new double[rows];
        Pieces(rows, ChunkRows, (first, count) =>
        {
            for (var r = (int)first; r < first + count; r++)
            {
                var row = z + ((long)r * classes);
                var logSum = LogSumExp(row, classes);
                parts[r] = logSum - row[label[r]];
                if (gradient is not null)
                {
                    SoftmaxGradient(row, gradient + ((long)r * classes), classes, (float)logSum, label[r], 1f / rows);
                }
            }
        });
        *F32(loss) = (float)(parts.Sum() / rows);
    }

    void IKernels.SquaredError(in SquaredErrorArgs args)
    {
        const int piece = 16384;
        var a = args;
        float* prediction = F32(a.Prediction), target = F32(a.Target), weight = F32OrNull(a.Weight), gradient = F32OrNull(a.DPrediction);
        var images = a.Prediction.Shape[0];
        long count = a.Prediction.Shape.Count, imageValues = count / images, imagePieces = (imageValues + piece - 1) / piece;
        var parts = new double[checked((int)(images * imagePieces))];
        _pool.Run(parts.Length, (index, _) =>
        {
            var (image, first) = (index / imagePieces, index % imagePieces * piece);
            var at = (image * imageValues) + first;
            var share = a.Scale * (weight is null ? 1 : weight[image]) / count;
            var length = (int)Math.Min(piece, imageValues - first);
            parts[index] = share * SquaredError(prediction + at, target + at, gradient is null ? null : gradient + at, length, (float)(2 * share));
        });
        *F32(a.Loss) = (float)parts.Sum();
    }

    /// <summary>The sum of squares of prediction - target; factor times the difference is stored as the gradient.</summary>
    private static double SquaredError(float* prediction, float* target, float* gradient, int count, float factor)
    {
        // So few squares are added up in float that the sum is as good as its terms.
        const int together = 1024;
        var f = Vector256.Create(factor);
        var total = 0.0;
        for (var first = 0; first < count; first += together)
        {
            Vector256<float> sum = default;
            for (var i = first; i < Math.Min(count, first + together); i += Lanes.Count)
            {
                var left = count - i;
                var error = Lanes.Load(prediction + i, left) - Lanes.Load(target + i, left);
                sum = Vector256.MultiplyAddEstimate(error, error, sum);
                if (gradient is not null)
                {
                    Lanes.Store(error * f, gradient + i, left);
                }
            }

            total += Vector256.Sum(sum);
        }

        return total;
    }

    void IKernels.PcaLoss(in PcaLossArgs args)
    {
        var parts = new (double Kept, double Residual)[args.Prediction.Shape[0]];
        if (args.Basis.Shape.Rows > MostFusedComponents)
        {
            WideLoss(args, parts);
        }
        else
        {
            FusedLoss(args, parts);
        }

        var loss = F32(args.Loss);
        double kept = parts.Sum(p => p.Kept), residual = parts.Sum(p => p.Residual);
        (loss[0], loss[1], loss[2]) = ((float)(kept + residual), (float)kept, (float)residual);
    }

    private void FusedLoss(in PcaLossArgs args, (double Kept, double Residual)[] parts)
    {
        var a = args;
        int images = a.Prediction.Shape[0], tokens = a.Prediction.Shape[1], pixels = a.Prediction.Shape[2], kept = a.Basis.Shape.Rows;
        float* prediction = F32(a.Prediction), clean = F32(a.Clean), basis = F32(a.Basis), lambda = F32(a.Lambda), gradient = F32OrNull(a.DPrediction);
        ReserveThreadScratch(pixels);
        _pool.Run(images, (image, worker) =>
        {
            var r = ThreadScratch(worker);
            var weight = lambda[image] / pixels / ((double)images * tokens);
            double keptSum = 0, residualSum = 0;
            for (var token = 0; token < tokens; token++)
            {
                var at = (((long)image * tokens) + token) * pixels;
                var d = gradient is null ? null : gradient + at;
                var square = Residue(prediction + at, clean + at, r, d, pixels, (float)(2 * weight * a.ResidualWeight));
                var keptSquare = 0.0;
                for (var k = 0; k < kept; k++)
                {
                    var component = basis + ((long)k * pixels);
                    var projection = Lanes.Dot(component, r, pixels);
                    keptSquare += (double)projection * projection;
                    if (d is not null)
                    {
                        Lanes.AddScaled((float)(2 * weight * (a.KeptWeight - a.ResidualWeight)) * projection, component, d, pixels);
                    }
                }

                keptSum += weight * a.KeptWeight * keptSquare;
                residualSum += weight * a.ResidualWeight * (square - keptSquare);
            }

            parts[image] = (keptSum, residualSum);
        });
    }

    /// <summary>The projections as two matrix products over many patches: P = r V^T, and P V added to the gradient.</summary>
    private void WideLoss(in PcaLossArgs args, (double Kept, double Residual)[] parts)
    {
        var a = args;
        int images = parts.Length, tokens = a.Prediction.Shape[1], pixels = a.Prediction.Shape[2], kept = a.Basis.Shape.Rows;
        int patches = images * tokens, most = Math.Min(patches, WideRows);
        float* prediction = F32(a.Prediction), clean = F32(a.Clean), basis = F32(a.Basis), lambda = F32(a.Lambda), gradient = F32OrNull(a.DPrediction);
        float* r = SharedScratch((long)most * (pixels + kept)), projected = r + ((long)most * pixels);
        var sums = new (double Kept, double Residual)[patches];
        for (var first = 0; first < patches; first += most)
        {
            var (start, count) = (first, Math.Min(most, patches - first));
            var target = gradient is null ? null : gradient + ((long)first * pixels);
            double Weight(int row) => lambda[(start + row) / tokens] / pixels / ((double)images * tokens);
            _pool.Run(count, (row, _) =>
            {
                var (at, to) = (((long)start + row) * pixels, (long)row * pixels);
                sums[start + row].Residual = Residue(
                    prediction + at, clean + at, r + to, target is null ? null : target + to, pixels, (float)(2 * Weight(row) * a.ResidualWeight));
            });
            _gemm.Run(new GemmCall { M = count, N = kept, K = pixels, A = r, B = basis, C = projected, TransposeB = true });
            _pool.Run(count, (row, _) =>
            {
                var weight = Weight(row);
                var square = Scale(projected + ((long)row * kept), kept, (float)(2 * weight * (a.KeptWeight - a.ResidualWeight)));
                sums[start + row] = (weight * a.KeptWeight * square, weight * a.ResidualWeight * (sums[start + row].Residual - square));
            });
            if (target is not null)
            {
                _gemm.Run(new GemmCall { M = count, N = pixels, K = kept, A = projected, B = basis, C = target, Accumulate = true });
            }
        }

        for (var patch = 0; patch < patches; patch++)
        {
            ref var part = ref parts[patch / tokens];
            part = (part.Kept + sums[patch].Kept, part.Residual + sums[patch].Residual);
        }
    }

    /// <summary>Multiplies by a factor; returns the sum of squares from before.</summary>
    private static double Scale(float* values, int count, float factor)
    {
        Vector256<float> f = Vector256.Create(factor), sum = default;
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var left = count - i;
            var value = Lanes.Load(values + i, left);
            sum = Vector256.MultiplyAddEstimate(value, value, sum);
            Lanes.Store(value * f, values + i, left);
        }

        return Vector256.Sum(sum);
    }

    /// <summary>r = prediction - clean; stores factor * r as the gradient's first part; returns |r|^2.</summary>
    private static double Residue(float* prediction, float* clean, float* r, float* gradient, int count, float factor)
    {
        Vector256<float> f = Vector256.Create(factor), sum = default;
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var left = count - i;
            var value = Lanes.Load(prediction + i, left) - Lanes.Load(clean + i, left);
            Lanes.Store(value, r + i, left);
            sum = Vector256.MultiplyAddEstimate(value, value, sum);
            if (gradient is not null)
            {
                Lanes.Store(value * f, gradient + i, left);
            }
        }

        return Vector256.Sum(sum);
    }

    private static double LogSumExp(float* row, int count)
    {
        var max = TensorPrimitives.Max(new ReadOnlySpan<float>(row, count));
        Vector256<float> shift = Vector256.Create(max), sum = default;
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var left = count - i;
            var e = VectorMath.Exp(Lanes.Load(row + i, left) - shift);
            sum += left >= Lanes.Count ? e : e & Lanes.Mask(left);
        }

        return max + Math.Log(Vector256.Sum(sum));
    }

    /// <summary>(softmax - one hot of the label) * share.</summary>
    private static void SoftmaxGradient(float* row, float* gradient, int count, float logSum, int label, float share)
    {
        Vector256<float> shift = Vector256.Create(logSum), factor = Vector256.Create(share);
        for (var i = 0; i < count; i += Lanes.Count)
        {
            Lanes.Store(VectorMath.Exp(Lanes.Load(row + i, count - i) - shift) * factor, gradient + i, count - i);
        }

        gradient[label] -= share;
    }
}
