using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// Attention as separate bf16 programs have it: product, softmax, product, and backward the gradient of each. Stored in bf16, hence
/// rounded, are what goes from one to the next: the scores (scaled), the weights, O, the gradient of the weights, that of the scores,
/// and dQKV. Within one step all is exact, the softmax and its backward among them: dS = P (dP - sum_j P_j dP_j) is made from
/// the stored P and dP, not from O as our kernels do. A program in float16 arithmetic, or one that scales in a step of its own, rounds more.
/// </summary>
internal static class NaiveBf16Attention
{
    public static void Forward(IBackend host, in AttentionArgs args)
    {
        var qkv = args.Qkv.ReadDoubles(host);
        var output = new double[args.Output.Shape.Count];
        var statistics = new double[args.LogSumExp.Shape.Count];
        int tokens = args.Tokens, size = args.HeadSize, width = args.Width;
        for (var (image, head) = (0, 0); image < args.Images; (image, head) = head + 1 < args.Heads ? (image, head + 1) : (image + 1, 0))
        {
            for (var q = 0; q < tokens; q++)
            {
                var weights = Weights(args, qkv, image, head, q, out var logSumExp);
                statistics[(((image * args.Heads) + head) * tokens) + q] = logSumExp;
                for (var d = 0; d < size; d++)
                {
                    var sum = 0.0;
                    for (var k = 0; k < tokens; k++)
                    {
                        sum += weights[k] * qkv[At(args, image, k, head, d, 2)];
                    }

                    output[(((image * tokens) + q) * width) + (head * size) + d] = NaiveBf16Backend.Round(sum);
                }
            }
        }

        args.Output.Write(host, output);
        args.LogSumExp.Write(host, statistics);
    }

    public static void Backward(IBackend host, in AttentionArgs args, Tensor dOutput, Tensor dQkv)
    {
        double[] qkv = args.Qkv.ReadDoubles(host), dO = dOutput.ReadDoubles(host);
        var result = new double[dQkv.Shape.Count];
        int tokens = args.Tokens, size = args.HeadSize, width = args.Width;
        var scale = 1 / Math.Sqrt(size);
        for (var (image, head) = (0, 0); image < args.Images; (image, head) = head + 1 < args.Heads ? (image, head + 1) : (image + 1, 0))
        {
            for (var q = 0; q < tokens; q++)
            {
                var weights = Weights(args, qkv, image, head, q, out _);
                var row = (((image * tokens) + q) * width) + (head * size);
                var dP = new double[tokens];
                for (var k = 0; k < tokens; k++)
                {
                    for (var d = 0; d < size; d++)
                    {
                        dP[k] += dO[row + d] * qkv[At(args, image, k, head, d, 2)];
                        result[At(args, image, k, head, d, 2)] += weights[k] * dO[row + d];
                    }

                    dP[k] = NaiveBf16Backend.Round(dP[k]);
                }

                var mean = weights.Zip(dP, (p, g) => p * g).Sum();
                for (var k = 0; k < tokens; k++)
                {
                    var dS = NaiveBf16Backend.Round(weights[k] * (dP[k] - mean));
                    for (var d = 0; d < size; d++)
                    {
                        result[At(args, image, q, head, d, 0)] += dS * qkv[At(args, image, k, head, d, 1)] * scale;
                        result[At(args, image, k, head, d, 1)] += dS * qkv[At(args, image, q, head, d, 0)] * scale;
                    }
                }
            }
        }

        dQkv.Write(host, result.Select(NaiveBf16Backend.Round).ToArray());
    }

    private static double[] Weights(in AttentionArgs args, double[] qkv, int image, int head, int q, out double logSumExp)
    {
        var scores = new double[args.Tokens];
        for (var k = 0; k < scores.Length; k++)
        {
            for (var d = 0; d < args.HeadSize; d++)
            {
                scores[k] += qkv[At(args, image, q, head, d, 0)] * qkv[At(args, image, k, head, d, 1)];
            }

            scores[k] = NaiveBf16Backend.Round(scores[k] / Math.Sqrt(args.HeadSize));
        }

        var largest = scores.Max();
        var total = largest + Math.Log(scores.Sum(s => Math.Exp(s - largest)));
        logSumExp = total;
        return scores.Select(s => NaiveBf16Backend.Round(Math.Exp(s - total))).ToArray();
    }

    private static int At(in AttentionArgs args, int image, int token, int head, int d, int which) =>
        (((image * args.Tokens) + token) * 3 * args.Width) + (which * args.Width) + (head * args.HeadSize) + d;
}
