using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Which row of a source each row of a result takes (see <see cref="GatherRows"/>), on a device. An entry r &gt;= 0 takes row r of the
/// source; an entry -1 - k takes row k of the fill, so that -1 is its first row. No row of the source is taken twice: its gradient then comes
/// from one place, and the backward pass is a gather by the inverse, which is built here with the index. Reusable: by any number of
/// gathers, and by every step, which may set other rows.
/// </summary>
public sealed class RowIndex : IDisposable
{
    private readonly IBackend _backend;
    private readonly List<PersistentTensor> _memory = [];
    private readonly Tensor? _filled;
    private readonly int[] _fillCounts;

    /// <summary>Checks the entries and places them on a device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="sourceRows">Rows of the source, N.</param>
    /// <param name="rows">The M entries, each from -F to N - 1, F being the rows of the fill that they take.</param>
    /// <exception cref="ArgumentException">An entry is outside the source, or a row of the source is taken twice.</exception>
    public RowIndex(IBackend backend, int sourceRows, ReadOnlySpan<int> rows)
        : this(backend, sourceRows, rows, null)
    {
    }

    /// <summary>Checks the entries and places them in the memory of one step.</summary>
    /// <param name="tape">Provides the memory; what is recorded on it must end with the step.</param>
    /// <param name="sourceRows">Rows of the source.</param>
    /// <param name="rows">The entries.</param>
    internal RowIndex(Tape tape, int sourceRows, ReadOnlySpan<int> rows)
        : this(tape.Backend, sourceRows, rows, tape)
    {
    }

    private RowIndex(IBackend backend, int sourceRows, ReadOnlySpan<int> rows, Tape? step)
    {
        (_backend, SourceRows, Rows) = (backend, sourceRows, rows.Length);
        _fillCounts = FillCounts(rows);
        Index = New(rows.Length);
        Inverse = New(sourceRows);
        _filled = _fillCounts.Length > 0 ? New(_fillCounts.Sum()) : null;
        Set(rows);

        Tensor New(int count)
        {
            if (step is not null)
            {
                return step.New(new Shape(count), DType.I32);
            }

            _memory.Add(new PersistentTensor(backend, new Shape(count), DType.I32));
            return _memory[^1].Tensor;
        }
    }

    /// <summary>Rows of the source, N.</summary>
    public int SourceRows { get; }

    /// <summary>Rows of the result, M.</summary>
    public int Rows { get; }

    /// <summary>Rows of the fill that are taken, F.</summary>
    public int FillRows => _fillCounts.Length;

    /// <summary>The entries, I32 [M].</summary>
    public Tensor Index { get; }

    /// <summary>Which row of the result takes each row of the source, or -1 for one that is left out, I32 [N].</summary>
    public Tensor Inverse { get; }

    /// <summary>Sets other entries, of the same number, which take each row of the fill as often as those before.</summary>
    /// <param name="rows">The M entries.</param>
    /// <exception cref="ArgumentException">An entry is outside the source, a row is taken twice, or a number of entries has changed.</exception>
    public void Set(ReadOnlySpan<int> rows)
    {
        if (rows.Length != Rows || !FillCounts(rows).AsSpan().SequenceEqual(_fillCounts))
        {
            throw new ArgumentException(
                $"A row index of {Rows} entries, of which {_fillCounts.Sum()} are fill, cannot be set to {rows.Length} entries with other numbers of fill.", nameof(rows));
        }

        var inverse = Inverted(rows, SourceRows);
        _backend.Upload(rows, Index);
        _backend.Upload<int>(inverse, Inverse);
        if (_filled is not null)
        {
            // In the order of the fill's rows, and of the result's within each: the order in which gradients are added up.
            _backend.Upload<int>([.. Enumerable.Range(0, Rows).Zip(rows.ToArray()).Where(e => e.Second < 0).OrderBy(e => -e.Second).Select(e => e.First)], _filled);
        }
    }

    /// <summary>The rows of the result that take a row of the fill, in order.</summary>
    /// <param name="fillRow">Which row of the fill.</param>
    /// <returns>I32, or null when none takes it.</returns>
    public Tensor? FilledBy(int fillRow)
    {
        var count = fillRow < _fillCounts.Length ? _fillCounts[fillRow] : 0;
        return count > 0 ? _filled!.Slice(_fillCounts.AsSpan(0, fillRow).ToArray().Sum(), count) : null;
    }

    /// <summary>Frees the memory; that of a step's index is the step's.</summary>
    public void Dispose() => _memory.ForEach(m => m.Dispose());

    private static int[] FillCounts(ReadOnlySpan<int> rows)
    {
        var counts = new List<int>();
        foreach (var row in rows)
        {
            if (row < 0)
            {
                while (counts.Count < -row)
                {
                    counts.Add(0);
                }

                counts[-1 - row]++;
            }
        }

        return [.. counts];
    }

    private static int[] Inverted(ReadOnlySpan<int> rows, int sourceRows)
    {
        var inverse = new int[sourceRows];
        inverse.AsSpan().Fill(-1);
        for (var i = 0; i < rows.Length; i++)
        {
            if (rows[i] >= sourceRows)
            {
                throw new ArgumentException($"Entry {i} of a row index is {rows[i]}, where the source has {sourceRows} rows.", nameof(rows));
            }

            if (rows[i] < 0)
            {
                continue;
            }

            if (inverse[rows[i]] >= 0)
            {
                throw new ArgumentException(
                    $"Entries {inverse[rows[i]]} and {i} of a row index both take row {rows[i]}: a row index is injective, so that each row's gradient comes from one place.",
                    nameof(rows));
            }

            inverse[rows[i]] = i;
        }

        return inverse;
    }
}
