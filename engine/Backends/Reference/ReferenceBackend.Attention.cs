using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Softmax attention.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.Attention(in AttentionArgs args)
    {
        int tokens = args.Tokens, size = args.HeadSize;
        for (var image = 0; image < args.Images; image++)
        {
            for (var head = 0; head < args.Heads; head++)
            {
                var view = new HeadView(args, image, head);
                for (var q = 0; q < tokens; q++)
                {
                    var scores = Scores(args, view, q);
                    var denominator = 0.0;
                    foreach (var s in scores)
                    {
                        denominator += Math.Exp(s - scores.Max());
                    }

                    var lse = scores.Max() + Math.Log(denominator);
                    F64(args.LogSumExp)[view.StatisticAt(q)] = lse;
                    for (var d = 0; d < size; d++)
                    {
                        var sum = 0.0;
                        for (var k = 0; k < tokens; k++)
                        {
                            sum += Math.Exp(scores[k] - lse) * F64(args.Qkv)[view.V(k, d)];
                        }

                        F64(args.Output)[view.O(q, d)] = sum;
                    }
                }
            }
        }
    }

    void IKernels.AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv)
    {
        F64(dQkv).Clear();
        for (var image = 0; image < args.Images; image++)
        {
            for (var head = 0; head < args.Heads; head++)
            {
                HeadBackward(args, new HeadView(args, image, head), F64(dOutput), F64(dQkv));
            }
        }
    }

    /// <summary>
    /// With P = exp(S - lse) and dP = dO V^T: dV = P^T dO; dS = P * (dP - rowsum(dO * O)); dQ = dS K / sqrt(D); dK = dS^T Q / sqrt(D).
    /// </summary>
    private static void HeadBackward(in AttentionArgs args, in HeadView view, Span<double> dO, Span<double> dQkv)
    {
        int tokens = args.Tokens, size = args.HeadSize;
        Span<double> qkv = F64(args.Qkv), o = F64(args.Output);
        var scale = 1 / Math.Sqrt(size);
        for (var q = 0; q < tokens; q++)
        {
            var scores = Scores(args, view, q);
            var lse = F64(args.LogSumExp)[view.StatisticAt(q)];
            var delta = 0.0;
            for (var d = 0; d < size; d++)
            {
                delta += dO[view.O(q, d)] * o[view.O(q, d)];
            }

            for (var k = 0; k < tokens; k++)
            {
                var p = Math.Exp(scores[k] - lse);
                var dp = 0.0;
                for (var d = 0; d < size; d++)
                {
                    dp += dO[view.O(q, d)] * qkv[view.V(k, d)];
                    dQkv[view.V(k, d)] += p * dO[view.O(q, d)];
                }

                var ds = p * (dp - delta);
                for (var d = 0; d < size; d++)
                {
                    dQkv[view.Q(q, d)] += ds * qkv[view.K(k, d)] * scale;
                    dQkv[view.K(k, d)] += ds * qkv[view.Q(q, d)] * scale;
                }
            }
        }
    }

    private static double[] Scores(in AttentionArgs args, in HeadView view, int q)
    {
        var qkv = F64(args.Qkv);
        var scores = new double[args.Tokens];
        for (var k = 0; k < scores.Length; k++)
        {
            for (var d = 0; d < args.HeadSize; d++)
            {
                scores[k] += qkv[view.Q(q, d)] * qkv[view.K(k, d)];
            }

            scores[k] /= Math.Sqrt(args.HeadSize);
        }

        return scores;
    }

    /// <summary>Where one head of one image has its numbers in the packed rows.</summary>
    private readonly struct HeadView(in AttentionArgs args, int image, int head)
    {
        private readonly int _width = args.Width;
        private readonly int _firstRow = image * args.Tokens;
        private readonly int _column = head * args.HeadSize;
        private readonly int _statistics = ((image * args.Heads) + head) * args.Tokens;

        public int Q(int token, int d) => ((_firstRow + token) * 3 * _width) + _column + d;

        public int K(int token, int d) => Q(token, d) + _width;

        public int V(int token, int d) => Q(token, d) + (2 * _width);

        public int O(int token, int d) => ((_firstRow + token) * _width) + _column + d;

        public int StatisticAt(int token) => _statistics + token;
    }
}
