using System.Runtime.Intrinsics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Losses with their gradients.</content>
public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
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

    /// <inheritdoc/>
    public void SquaredError(in SquaredErrorArgs args)
    {
        var a = args;
        int images = a.Prediction.Shape[0], values = a.ImageValues, chunks = (values + PieceElements - 1) / PieceElements;
        float* prediction = F32(a.Prediction), target = F32OrNull(a.Target), weights = F32OrNull(a.Weight), gradient = F32OrNull(a.DPrediction);
        var parts = new double[images * chunks];
        _pool.Run(parts.Length, (part, _) =>
        {
            int image = part / chunks, first = part % chunks * PieceElements, count = Math.Min(PieceElements, values - first);
            var share = a.Factor * (weights is null ? 1 : weights[image]) / ((double)images * values);
            var at = ((long)image * values) + first;
            parts[part] = share * Difference(prediction + at, target is null ? null : target + at, gradient is null ? null : gradient + at, count, (float)(2 * share));
        });
        *F32(a.Loss) = (float)parts.Sum();
    }

    /// <summary>Stores factor * (prediction - target) as the gradient; returns the sum of squares.</summary>
    private static double Difference(float* prediction, float* target, float* gradient, int count, float factor)
    {
        Vector256<float> f = Vector256.Create(factor), sum = default;
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var left = count - i;
            var value = Lanes.Load(prediction + i, left);
            if (target is not null)
            {
                value -= Lanes.Load(target + i, left);
            }

            sum = Vector256.MultiplyAddEstimate(value, value, sum);
            if (gradient is not null)
            {
                Lanes.Store(value * f, gradient + i, left);
            }
        }

        return Vector256.Sum(sum);
    }

    /// <inheritdoc/>
    public void PcaLoss(in PcaLossArgs args)
    {
        var a = args;
        int images = a.Prediction.Shape[0], tokens = a.Prediction.Shape[1], pixels = a.Prediction.Shape[2], kept = a.Basis.Shape.Rows;
        float* prediction = F32(a.Prediction), clean = F32(a.Clean), basis = F32(a.Basis), lambda = F32(a.Lambda), gradient = F32OrNull(a.DPrediction);
        ReserveThreadScratch(pixels);
        var parts = new (double Kept, double Residual)[images];
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
        var loss = F32(a.Loss);
        double keptLoss = parts.Sum(p => p.Kept), residualLoss = parts.Sum(p => p.Residual);
        (loss[0], loss[1], loss[2]) = ((float)(keptLoss + residualLoss), (float)keptLoss, (float)residualLoss);
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
        var max = float.NegativeInfinity;
        for (var i = 0; i < count; i++)
        {
            max = MathF.Max(max, row[i]);
        }

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
