using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Losses and pooling.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.MeanPool(Tensor x, Tensor y)
    {
        int images = x.Shape[0], tokens = x.Shape[1], columns = x.Shape[2];
        F64(y).Clear();
        for (var b = 0; b < images; b++)
        {
            for (var t = 0; t < tokens; t++)
            {
                for (var c = 0; c < columns; c++)
                {
                    F64(y)[(b * columns) + c] += F64(x)[(((b * tokens) + t) * columns) + c] / tokens;
                }
            }
        }
    }

    void IKernels.MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        int images = dx.Shape[0], tokens = dx.Shape[1], columns = dx.Shape[2];
        for (var b = 0; b < images; b++)
        {
            for (var t = 0; t < tokens; t++)
            {
                for (var c = 0; c < columns; c++)
                {
                    Put(ref F64(dx)[(((b * tokens) + t) * columns) + c], F64(dy)[(b * columns) + c] / tokens, accumulate);
                }
            }
        }
    }

    void IKernels.SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
    {
        int rows = logits.Shape.Rows, classes = logits.Shape.Columns;
        var label = HostMemory.Span<int>(labels);
        var total = 0.0;
        for (var r = 0; r < rows; r++)
        {
            var z = F64(logits).Slice(r * classes, classes);
            var max = TensorPrimitives.Max<double>(z);
            var sum = 0.0;
            foreach (var value in z)
            {
                sum += Math.Exp(value - max);
            }

            var lse = max + Math.Log(sum);
            total += (lse - z[label[r]]) / rows;
            for (var c = 0; dLogits is not null && c < classes; c++)
            {
                F64(dLogits)[(r * classes) + c] = (Math.Exp(z[c] - lse) - (c == label[r] ? 1 : 0)) / rows;
            }
        }

        F64(loss)[0] = total;
    }

    void IKernels.SquaredError(in SquaredErrorArgs args)
    {
        Span<double> prediction = F64(args.Prediction), target = F64(args.Target);
        var imageValues = prediction.Length / args.Prediction.Shape[0];
        var total = 0.0;
        for (var i = 0; i < prediction.Length; i++)
        {
            var share = args.Scale * (args.Weight is { } weight ? F64(weight)[i / imageValues] : 1) / prediction.Length;
            var error = prediction[i] - target[i];
            total += share * error * error;
            if (args.DPrediction is { } gradient)
            {
                F64(gradient)[i] = 2 * share * error;
            }
        }

        F64(args.Loss)[0] = total;
    }

    void IKernels.PcaLoss(in PcaLossArgs args)
    {
        int images = args.Prediction.Shape[0], tokens = args.Prediction.Shape[1], pixels = args.Prediction.Shape[2];
        int kept = args.Basis.Shape.Rows, patches = images * tokens;
        Span<double> prediction = F64(args.Prediction), clean = F64(args.Clean), basis = F64(args.Basis);
        double keptLoss = 0, residualLoss = 0;
        var r = new double[pixels];
        for (var patch = 0; patch < patches; patch++)
        {
            var weight = F64(args.Lambda)[patch / tokens] / pixels / patches;
            double square = 0, keptSquare = 0;
            for (var i = 0; i < pixels; i++)
            {
                r[i] = prediction[(patch * pixels) + i] - clean[(patch * pixels) + i];
                square += r[i] * r[i];
                if (args.DPrediction is { } direct)
                {
                    F64(direct)[(patch * pixels) + i] = 2 * weight * args.ResidualWeight * r[i];
                }
            }

            for (var k = 0; k < kept; k++)
            {
                var component = basis.Slice(k * pixels, pixels);
                var projection = TensorPrimitives.Dot<double>(component, r);
                keptSquare += projection * projection;
                for (var i = 0; args.DPrediction is not null && i < pixels; i++)
                {
                    F64(args.DPrediction)[(patch * pixels) + i] +=
                        2 * weight * (args.KeptWeight - args.ResidualWeight) * projection * component[i];
                }
            }

            keptLoss += weight * args.KeptWeight * keptSquare;
            residualLoss += weight * args.ResidualWeight * (square - keptSquare);
        }

        var loss = F64(args.Loss);
        (loss[0], loss[1], loss[2]) = (keptLoss + residualLoss, keptLoss, residualLoss);
    }
}
