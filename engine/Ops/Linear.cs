using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// y = x W^T + b, then optionally GELU (tanh form), then optionally a residual.
/// <para>Backward: dx = dy W, dW = dy^T x, db = sum over rows of dy; the residual gets dy itself.</para>
/// <para>
/// With GELU the layer keeps u = x W^T + b and hands out y = gelu(u). A linear layer that reads such a y computes du rather
/// than dy in the epilogue of its own dx product, so that the backward of the GELU costs no pass over memory.
/// </para>
/// Cost: 2 M N K forward, twice that backward.
/// </summary>
public static class Linear
{
    /// <summary>Applies the layer.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[.., K].</param>
    /// <param name="weight">[N, K].</param>
    /// <param name="bias">[N], or null.</param>
    /// <param name="gelu">Whether GELU follows.</param>
    /// <param name="residual">Added last, same shape as the result; or null. Not together with GELU.</param>
    /// <returns>[.., N].</returns>
    public static Tensor Apply(Tape tape, Tensor x, Tensor weight, Tensor? bias, bool gelu = false, Tensor? residual = null)
    {
        if (gelu && residual is not null)
        {
            throw new ArgumentException("A linear layer takes GELU or a residual, not both.", nameof(residual));
        }

        var shape = WithColumns(x.Shape, weight.Shape.Rows);
        var needs = x.RequiresGradient || weight.RequiresGradient || bias?.RequiresGradient == true || residual?.RequiresGradient == true;
        var u = gelu ? tape.New(shape, requiresGradient: needs) : null;
        var y = tape.New(shape, tape.Backend.ActivationType, needs, u);
        tape.Backend.MatMul(new MatMulArgs(x, false, weight, true, y) { Bias = bias, PreActivation = u, Residual = residual });
        if (needs)
        {
            tape.Record(new LinearNode(x, weight, bias, residual, y, u));
        }

        return y;
    }

    internal static Shape WithColumns(Shape shape, int columns)
    {
        Span<int> sizes = stackalloc int[shape.Rank];
        for (var axis = 0; axis < shape.Rank; axis++)
        {
            sizes[axis] = axis == shape.Rank - 1 ? columns : shape[axis];
        }

        return new Shape(sizes);
    }

    /// <summary>The gradient of the product's inputs, shared with the patch embedding.</summary>
    internal static void ProductBackward(Tape tape, Tensor dy, Tensor x, Tensor weight, Tensor? bias)
    {
        var backend = tape.Backend;
        if (bias?.RequiresGradient == true)
        {
            var db = tape.Outgoing(bias, out var add);
            backend.SumRows(dy, db, add);
        }

        if (weight.RequiresGradient)
        {
            var dw = tape.Outgoing(weight, out var add);
            backend.MatMul(new MatMulArgs(dy, true, x, false, dw) { Accumulate = add });
        }

        if (x is { RequiresGradient: true, GeluInput: { } u } && tape.Incoming(x) is null && tape.Incoming(u) is null)
        {
            backend.MatMul(new MatMulArgs(dy, false, weight, false, tape.Outgoing(u, out _)) { GeluGradientOf = u });
        }
        else if (x.RequiresGradient)
        {
            var dx = tape.Outgoing(x, out var add);
            backend.MatMul(new MatMulArgs(dy, false, weight, false, dx) { Accumulate = add });
        }
    }

    private sealed class LinearNode(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, Tensor y, Tensor? u) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = u is null ? [y] : [y, u];

        public override void Backward(Tape tape)
        {
            if (u is not null && tape.Take(y) is { } afterGelu)
            {
                var du = tape.Outgoing(u, out var add);
                tape.Backend.GeluBackward(afterGelu, u, du, add);
                tape.Free(afterGelu);
            }

            if (tape.Incoming(u ?? y) is not { } dy)
            {
                return;
            }

            ProductBackward(tape, dy, x, weight, bias);
            if (residual?.RequiresGradient == true)
            {
                tape.PassOn(tape.Take(y)!, residual);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case(1, 1, 1), Case(3, 5, 7), Case(2, 16, 9, gelu: true), Case(17, 6, 33, residual: true), Case(10, 11, 12, bias: false),
        Case(64, 24, 40, gelu: true), Case(65, 31, 100), Chain(6, 10, 9), TwoReaders(4, 6, 5), SharedResidual(5, 7),
        Case(8192, 576, 192) with { TimingOnly = true }, Case(8192, 192, 192) with { TimingOnly = true },
        Case(8192, 768, 192, gelu: true) with { TimingOnly = true }, Case(8192, 192, 768) with { TimingOnly = true },
        .. Timed((16384, 2304, 768, false), (16384, 768, 768, false), (16384, 3072, 768, true), (16384, 768, 3072, false)),
        Square(512), Square(1024), Square(2048), Square(8192),
    ];

    private static IEnumerable<OpCase> Timed(params (int M, int N, int K, bool Gelu)[] sizes) =>
        sizes.Select(s => Case(s.M, s.N, s.K, gelu: s.Gelu) with { TimingOnly = true });

    /// <summary>A bare square product, for comparison with what is published of other libraries.</summary>
    private static OpCase Square(int n) => Case(n, n, n, bias: false) with { TimingOnly = true };

    internal static OpCase Case(int m, int n, int k, bool bias = true, bool gelu = false, bool residual = false)
    {
        List<CaseInput> inputs = [new("x", new Shape(m, k)), new("weight", new Shape(n, k)) { Scale = 1 / Math.Sqrt(k), IsParameter = true }];
        if (bias)
        {
            inputs.Add(new CaseInput("bias", new Shape(n)) { Scale = 0.2, IsParameter = true });
        }

        if (residual)
        {
            inputs.Add(new CaseInput("residual", new Shape(m, n)));
        }

        var name = $"{m}x{n}x{k}{(bias ? "" : " no bias")}{(gelu ? " gelu" : "")}{(residual ? " residual" : "")}";
        return new OpCase("linear", name, inputs, (tape, i) =>
            [Apply(tape, i[0], i[1], bias ? i[2] : null, gelu, residual ? i[^1] : null)])
        {
            Flops = 2.0 * m * n * k,
            Elements = ((double)m * k) + ((double)n * k) + ((double)m * n * (gelu || residual ? 2 : 1)),
            SumLength = Math.Max(k, m),
        };
    }

    /// <summary>Two layers with the GELU between them: its backward runs inside the second layer's product.</summary>
    private static OpCase Chain(int m, int hidden, int k) => new(
        "linear",
        $"{m}x{hidden}x{k} gelu, then linear",
        [
            new("x", new Shape(m, k)), new("w1", new Shape(hidden, k)) { Scale = 0.4, IsParameter = true },
            new("b1", new Shape(hidden)) { IsParameter = true },
            new("w2", new Shape(k, hidden)) { Scale = 0.4, IsParameter = true },
        ],
        (tape, i) => [Apply(tape, Apply(tape, i[0], i[1], i[2], gelu: true), i[3], null)])
    {
        Flops = 4.0 * m * hidden * k,
        SumLength = Math.Max(hidden, m),
    };

    /// <summary>The result of a GELU read twice: one reader sends du, the other dy, and both must count.</summary>
    private static OpCase TwoReaders(int m, int hidden, int k) => new(
        "linear",
        $"{m}x{hidden}x{k} gelu, read twice",
        [
            new("x", new Shape(m, k)), new("w1", new Shape(hidden, k)) { IsParameter = true }, new("b1", new Shape(hidden)) { IsParameter = true },
            new("w2", new Shape(k, hidden)) { IsParameter = true }, new("w3", new Shape(3, hidden)) { IsParameter = true },
        ],
        (tape, i) =>
        {
            var y = Apply(tape, i[0], i[1], i[2], gelu: true);
            return [Apply(tape, y, i[3], null), Apply(tape, y, i[4], null)];
        })
    {
        Flops = 2.0 * m * hidden * ((2 * k) + 3),
        SumLength = hidden,
    };

    /// <summary>One residual under two layers: the second contribution to its gradient is added, not handed over.</summary>
    private static OpCase SharedResidual(int m, int n) => new(
        "linear",
        $"{m}x{n}x{n} one residual, two layers",
        [
            new("x", new Shape(m, n)), new("w1", new Shape(n, n)) { IsParameter = true }, new("w2", new Shape(n, n)) { IsParameter = true },
            new("residual", new Shape(m, n)),
        ],
        (tape, i) => [Apply(tape, i[0], i[1], null, residual: i[3]), Apply(tape, i[0], i[2], null, residual: i[3])])
    {
        Flops = 4.0 * m * n * n,
        SumLength = n,
    };
}
