using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Multi-head self-attention on packed rows: O = softmax(Q K^T / sqrt(D)) V, head by head, from qkv [B T, 3C] to O [B T, C].
/// <para>
/// Kept for the backward: O and the log-sum-exp of each row of scores, never the T x T weights (Dao et al. 2022).
/// With P = exp(S - lse): dV = P^T dO, dP = dO V^T, dS = P * (dP - rowsum(dO * O)), dQ = dS K / sqrt(D), dK = dS^T Q / sqrt(D).
/// </para>
/// Cost: 4 B T^2 C forward, 10 B T^2 C backward (the scores are computed again).
/// </summary>
public static class Attention
{
    /// <summary>Applies attention.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="qkv">[B * T, 3C].</param>
    /// <param name="heads">Number of heads; divides C.</param>
    /// <param name="tokens">T.</param>
    /// <returns>[B * T, C].</returns>
    public static Tensor Apply(Tape tape, Tensor qkv, int heads, int tokens)
    {
        int rows = qkv.Shape.Rows, width = qkv.Shape.Columns / 3;
        if (qkv.Shape.Columns != 3 * width || width % heads != 0 || rows % tokens != 0)
        {
            throw new ArgumentException($"Attention with {heads} heads over {tokens} tokens does not fit {qkv}.", nameof(qkv));
        }

        var o = tape.New(new Shape(rows, width), requiresGradient: qkv.RequiresGradient);
        var lse = tape.New(new Shape(rows / tokens, heads, tokens), tape.Backend.ParameterType);
        var args = new AttentionArgs(qkv, heads, tokens, o, lse);
        tape.Backend.Attention(args);
        if (qkv.RequiresGradient)
        {
            tape.Record(new AttentionNode(args));
        }

        return o;
    }

    private sealed class AttentionNode(AttentionArgs args) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [args.Output, args.LogSumExp];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(args.Output) is not { } dOutput)
            {
                return;
            }

            if (tape.Incoming(args.Qkv) is null)
            {
                tape.Backend.AttentionBackward(args, dOutput, tape.Outgoing(args.Qkv, out _));
                return;
            }

            var extra = tape.New(args.Qkv.Shape);
            tape.Backend.AttentionBackward(args, dOutput, extra);
            tape.PassOn(extra, args.Qkv);
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 1, 3), Case(2, 1, 2, 4), Case(1, 5, 1, 5), Case(2, 9, 3, 8), Case(1, 17, 2, 12), Case(2, 64, 1, 32),
        Case(1, 65, 2, 16), Case(1, 70, 1, 80), Case(1, 33, 1, 128), Case(1, 130, 1, 128), Case(1, 130, 1, 8),
        Case(128, 64, 3, 64) with { TimingOnly = true }, Case(16, 256, 16, 64) with { TimingOnly = true },
    ];

    private static OpCase Case(int images, int tokens, int heads, int size) => new(
        "attention",
        $"{images}x{tokens} tokens, {heads} heads of {size}",
        [new("qkv", new Shape(images * tokens, 3 * heads * size))],
        (tape, i) => [Apply(tape, i[0], heads, tokens)])
    {
        Flops = 4.0 * images * tokens * tokens * heads * size,
        Elements = 4.0 * images * tokens * heads * size,
        SumLength = Math.Max(tokens, size),
    };
}
