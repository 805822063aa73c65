using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// One attention with drawn inputs and a drawn gradient of its output, all exact in bf16, so that every backend starts from the
/// same numbers. Rows are packed: qkv [B T, 3C], O [B T, C].
/// </summary>
internal sealed class AttentionProblem
{
    private readonly int _images, _tokens, _heads, _size;
    private readonly double[] _qkv, _dOutput;

    /// <summary>Draws.</summary>
    /// <param name="images">B.</param>
    /// <param name="tokens">T.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="size">Columns of a head, D.</param>
    /// <param name="magnitude">Standard deviation of qkv.</param>
    public AttentionProblem(int images, int tokens, int heads, int size, double magnitude = 1)
        : this(images, tokens, heads, size, (_, i) => magnitude * Normal(1, i))
    {
    }

    /// <summary>Takes qkv from a function of the part (0 queries, 1 keys, 2 values) and the element's index.</summary>
    public AttentionProblem(int images, int tokens, int heads, int size, Func<int, int, double> qkv)
    {
        (_images, _tokens, _heads, _size) = (images, tokens, heads, size);
        _qkv = Enumerable.Range(0, images * tokens * 3 * Width).Select(i => Rounded(qkv(PartOf(i), i))).ToArray();
        _dOutput = Enumerable.Range(0, images * tokens * Width).Select(i => Rounded(Normal(2, i))).ToArray();
    }

    private int Width => _heads * _size;

    /// <summary>Rounds to the nearest bf16.</summary>
    public static double Rounded(double value) => BFloat16.Value(BFloat16.Bits((float)value));

    /// <summary>Forward and backward on a backend, each tensor between guard zones and poisoned first.</summary>
    public AttentionResult Run(IBackend backend)
    {
        using var arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        var tape = new Tape(backend, arena);
        var qkv = tape.New(new Shape(_images * _tokens, 3 * Width));
        qkv.Write(backend, _qkv);
        var dOutput = tape.New(new Shape(_images * _tokens, Width));
        dOutput.Write(backend, _dOutput);
        var args = new AttentionArgs(
            qkv, _heads, _tokens, tape.New(dOutput.Shape), tape.New(new Shape(_images, _heads, _tokens), backend.ParameterType));
        var dQkv = tape.New(qkv.Shape);
        backend.Attention(args);
        backend.AttentionBackward(args, dOutput, dQkv);
        return Result(args.Output.ReadDoubles(backend), args.LogSumExp.ReadDoubles(backend), dQkv.ReadDoubles(backend));
    }

    /// <summary>
    /// The yardstick for bf16: the formulas as they stand, each matrix that a plain implementation would write to memory rounded
    /// to bf16 (S, P, O, dP, dS, results), sums in float64.
    /// </summary>
    public AttentionResult NaiveBf16()
    {
        double[] o = new double[_dOutput.Length], lse = new double[_images * _heads * _tokens], dQkv = new double[_qkv.Length];
        for (var image = 0; image < _images; image++)
        {
            for (var head = 0; head < _heads; head++)
            {
                for (var q = 0; q < _tokens; q++)
                {
                    lse[(((image * _heads) + head) * _tokens) + q] = NaiveRow(image, head, q, o, dQkv);
                }
            }
        }

        return Result(o, lse, dQkv.Select(Rounded).ToArray());
    }

    private double NaiveRow(int image, int head, int q, double[] output, double[] dQkv)
    {
        int At(int part, int token) => ((((image * _tokens) + token) * 3) + part) * Width + (head * _size);
        Span<double> Row(double[] packed, int part, int token) => packed.AsSpan(At(part, token), _size);
        var at = (((image * _tokens) + q) * Width) + (head * _size);
        Span<double> o = output.AsSpan(at, _size), dO = _dOutput.AsSpan(at, _size);
        var scale = 1 / Math.Sqrt(_size);
        var s = new double[_tokens];
        for (var k = 0; k < _tokens; k++)
        {
            s[k] = Rounded(Dot(Row(_qkv, 0, q), Row(_qkv, 1, k)) * scale);
        }

        var top = s.Max();
        var lse = top + Math.Log(s.Sum(v => Math.Exp(v - top)));
        for (var k = 0; k < _tokens; k++)
        {
            AddScaled(Rounded(Math.Exp(s[k] - lse)), Row(_qkv, 2, k), o);
        }

        foreach (ref var v in o)
        {
            v = Rounded(v);
        }

        var delta = Dot(dO, o);
        for (var k = 0; k < _tokens; k++)
        {
            var p = Rounded(Math.Exp(s[k] - lse));
            var ds = Rounded(p * (Rounded(Dot(dO, Row(_qkv, 2, k))) - delta)) * scale;
            AddScaled(p, dO, Row(dQkv, 2, k));
            AddScaled(ds, Row(_qkv, 1, k), Row(dQkv, 0, q));
            AddScaled(ds, Row(_qkv, 0, q), Row(dQkv, 1, k));
        }

        return lse;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static void AddScaled(double factor, ReadOnlySpan<double> x, Span<double> y)
    {
        for (var i = 0; i < x.Length; i++)
        {
            y[i] += factor * x[i];
        }
    }

    private static double Normal(uint what, int index)
    {
        var (x, y, _, _) = Philox.Block(31, RandomStream.Case, what, (ulong)index);
        return Philox.Normals<double>(x, y).First;
    }

    private int PartOf(int index) => index / Width % 3;

    private AttentionResult Result(double[] output, double[] lse, double[] dQkv)
    {
        double[] Part(int part) => dQkv.Where((_, i) => PartOf(i) == part).ToArray();
        return new AttentionResult(output, lse, Part(0), Part(1), Part(2));
    }
}
