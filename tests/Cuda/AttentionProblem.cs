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
        _qkv = Enumerable.Range(0, images * tokens * 3 * Width).Select(i => NaiveBf16Backend.Round(qkv(PartOf(i), i))).ToArray();
        _dOutput = Enumerable.Range(0, images * tokens * Width).Select(i => NaiveBf16Backend.Round(Normal(2, i))).ToArray();
    }

    private int Width => _heads * _size;

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
