using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// y[i] = x[index[i]], or row k of the fill (zeros without one) where index[i] = -1 - k: class tokens and masks put in and taken out, windows and
/// their padding, tokens to be pooled.
/// <para>
/// Backward: the index takes no row twice, so dx[j] = dy[inverse[j]], or 0 for a row that was left out: a gather as well. dfill[k] = the sum of dy over
/// the rows that took it, in their order.
/// </para>
/// Cost: every value read and written once; memory-bound.
/// </summary>
public static class GatherRows
{
    /// <summary>Gathers rows.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="x">[.., C] of as many rows as the index's source.</param>
    /// <param name="index">Which rows, M of them.</param>
    /// <param name="fill">[F, C] or [C] of the parameter type, or null for zeros.</param>
    /// <returns>[M, C].</returns>
    /// <exception cref="ArgumentException">Sizes of x or fill that do not fit the index.</exception>
    public static Tensor Apply(Tape tape, Tensor x, RowIndex index, Tensor? fill = null)
    {
        var columns = x.Shape.Columns;
        if (x.Shape.Rows != index.SourceRows)
        {
            throw new ArgumentException($"A row index of a source of {index.SourceRows} rows does not fit x, {x}.", nameof(x));
        }

        if (fill is not null && (fill.Shape.Columns != columns || fill.Shape.Rows < index.FillRows))
        {
            throw new ArgumentException($"A row index that takes {index.FillRows} rows of {columns} columns of its fill does not fit fill, {fill}.", nameof(fill));
        }

        var needs = x.RequiresGradient || fill?.RequiresGradient == true;
        var y = tape.New(new Shape(index.Rows, columns), x.DType, needs);
        tape.Backend.GatherRows(x, index.Index, fill, y, accumulate: false);
        if (needs)
        {
            tape.Record(new GatherRowsNode(x, index, fill, y));
        }

        return y;
    }

    private sealed class GatherRowsNode(Tensor x, RowIndex index, Tensor? fill, Tensor y) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = [y];

        public override void Backward(Tape tape)
        {
            if (tape.Incoming(y) is not { } dy)
            {
                return;
            }

            if (x.RequiresGradient)
            {
                var dx = tape.Outgoing(x, out var add);
                tape.Backend.GatherRows(dy, index.Inverse, null, dx, add);
            }

            if (fill?.RequiresGradient == true)
            {
                SumFill(tape, dy, tape.OutgoingZeroed(fill));
            }
        }

        private void SumFill(Tape tape, Tensor dy, Tensor dFill)
        {
            var columns = dy.Shape.Columns;
            var rows = dFill.Reshape(dFill.Shape.Rows, columns);
            for (var k = 0; k < index.FillRows; k++)
            {
                if (index.FilledBy(k) is { } filled)
                {
                    var part = tape.New(new Shape((int)filled.Shape.Count, columns), dy.DType);
                    tape.Backend.GatherRows(dy, filled, null, part, accumulate: false);
                    tape.Backend.SumRows(part, rows.Slice(k, 1), accumulate: true);
                    tape.Free(part);
                }
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Case("one row", 1, 1, [0]), Case("a permutation", 5, 7, [3, 0, 4, 2, 1]), Case("fewer rows", 9, 37, [7, 2, 5]),
        Case("class tokens", 6, 8, [-1, 0, 1, 2, -1, 3, 4, 5], fillRows: 1), Case("masks between kept rows", 3, 19, [-1, 2, -1, -1, 0, 1, -1], fillRows: 1),
        Case("padding", 4, 12, [0, 1, -1, 2, 3, -1]), Case("fill only", 3, 10, [-1, -1], fillRows: 1), Case("padding only", 2, 3, [-1]),
        Case("several rows of fill", 4, 24, [-1, -3, -2, 1, 0, -1, -3, -2, 3, 2], fillRows: 3), Case("no fill taken", 2, 5, [1, 0], fillRows: 2),
        Twice(5, 6), ClassTokens(2, 3, 33), ClassTokens(128, 196, 768) with { TimingOnly = true },
    ];

    internal static OpCase Case(string name, int sourceRows, int columns, int[] rows, int fillRows = 0)
    {
        List<CaseInput> inputs = [new("x", new Shape(sourceRows, columns))];
        if (fillRows > 0)
        {
            inputs.Add(new CaseInput("fill", new Shape(fillRows, columns)) { IsParameter = true });
        }

        return new OpCase(
            "gather rows",
            $"{rows.Length} of {sourceRows}x{columns}, {name}",
            inputs,
            (tape, i) => [Apply(tape, i[0], new RowIndex(tape, sourceRows, rows), fillRows > 0 ? i[1] : null)])
        {
            Flops = 0,
            Elements = 2.0 * rows.Length * columns,
            SumLength = rows.Length,
        };
    }

    /// <summary>A class token before the patches of each image.</summary>
    internal static OpCase ClassTokens(int images, int tokens, int columns) => Case(
        "a class token an image", images * tokens, columns, [.. Enumerable.Range(0, images * (tokens + 1)).Select(i => i % (tokens + 1) == 0 ? -1 : i - 1 - (i / (tokens + 1)))],
        1);

    /// <summary>One source and one fill read by two gathers: the second contributions are added.</summary>
    private static OpCase Twice(int sourceRows, int columns) => new(
        "gather rows",
        $"{sourceRows}x{columns}, read twice",
        [new("x", new Shape(sourceRows, columns)), new("fill", new Shape(columns)) { IsParameter = true }],
        (tape, i) =>
        [
            Apply(tape, i[0], new RowIndex(tape, sourceRows, [2, -1, 0]), i[1]), Apply(tape, i[0], new RowIndex(tape, sourceRows, [-1, 1, 2]), i[1]),
        ])
    {
        SumLength = 3,
    };
}
