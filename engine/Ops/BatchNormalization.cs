using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Batch normalisation without parameters, ahead of the linear probe: y = (x - mean) / sqrt(var + 1e-6) by the batch's own
/// statistics, column by column.
/// <para>Backward: dx = rstd (dy - mean(dy) - y mean(dy y)), means over the batch.</para>
/// Cost: about 6 operations an element; memory-bound.
/// </summary>
public static class BatchNormalization
{
    /// <summary>Normalises by the batch's statistics.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[B, C].</param>
    /// <returns>The result [B, C], and the batch's mean [C] and 1 / sqrt(var + eps) [C].</returns>
    public static (Tensor Y, Tensor Mean, Tensor Rstd) Apply(Tape tape, Tensor x)
    {
        var columns = new Shape(x.Shape.Columns);
        var y = tape.New(x.Shape, requiresGradient: x.RequiresGradient);
        var mean = tape.New(columns, tape.Backend.ParameterType);
        var rstd = tape.New(columns, tape.Backend.ParameterType);
        tape.Backend.BatchNorm(x, y, mean, rstd);
        if (x.RequiresGradient)
        {
            tape.Record(new BatchNormNode(x, y, mean, rstd));
        }

        return (y, mean, rstd);
    }

    private sealed class BatchNormNode(Tensor x, Tensor y, Tensor mean, Tensor rstd) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [y, mean, rstd];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(y) is { } dy)
            {
                var dx = tape.Outgoing(x, out var add);
                tape.Backend.BatchNormBackward(dy, y, rstd, dx, add);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases => [Case(2, 1, 1e-3), Case(7, 5), Case(64, 37), Case(2048, 192) with { TimingOnly = true }];

    internal static OpCase Case(int rows, int columns, double scale = 1) => new(
        "batchnorm",
        $"{rows}x{columns}, std {scale}",
        [new("x", new Shape(rows, columns)) { Mean = 0.5 * scale, Scale = scale }],
        (tape, i) =>
        {
            var (y, mean, rstd) = Apply(tape, i[0]);
            return [y, mean, rstd];
        })
    {
        Flops = 6.0 * rows * columns,
        Elements = 3.0 * rows * columns,
        SumLength = rows,
    };
}
