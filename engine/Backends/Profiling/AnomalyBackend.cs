using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>
/// Looks at every value that a primitive has written and stops at the first that is not finite. Where training only sees that a loss or a
/// gradient's norm is not a number, this names the primitive that made it, the tensor and the place. Every result is read back,
/// so a step takes several times as long; a device is waited for and nothing is replayed.
/// </summary>
public sealed class AnomalyBackend : ObservedBackend, IRangeListener
{
    private readonly List<string> _ranges = [];
    private readonly Dictionary<string, int> _calls = [];
    private readonly IDisposable _listening;

    /// <summary>Begins to look, and to listen to this thread's <see cref="Ranges"/>, which say whether a pass is forward or backward.</summary>
    /// <param name="inner">Who computes; it outlives this.</param>
    public AnomalyBackend(IBackend inner)
        : base(inner)
    {
        _listening = Ranges.Listen(this);
    }

    /// <inheritdoc/>
    public void Open(string name, long bytes)
    {
        _ranges.Add(name);
        _calls.Clear();
    }

    /// <inheritdoc/>
    public void Close() => _ranges.RemoveAt(_ranges.Count - 1);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _listening.Dispose();
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    /// <exception cref="LdaeException">Run: a result is not finite.</exception>
    protected override void After(string primitive, long start, params ReadOnlySpan<Tensor?> results)
    {
        var call = _calls[primitive] = _calls.GetValueOrDefault(primitive) + 1;
        for (var i = 0; i < results.Length; i++)
        {
            if (results[i] is { DType: DType.F32 or DType.F64 or DType.BF16 } tensor)
            {
                Check(primitive, call, results.Length > 1 ? $"result {i + 1} of {results.Length}" : "its result", tensor);
            }
        }
    }

    private void Check(string primitive, int call, string which, Tensor tensor)
    {
        var values = tensor.ReadFloats(this);
        var first = Array.FindIndex(values, value => !float.IsFinite(value));
        if (first < 0 || (tensor.DType == DType.F64 && Array.TrueForAll(tensor.ReadDoubles(this), double.IsFinite)))
        {
            return;
        }

        var where = _ranges.Count == 0 ? "" : $" in {string.Join(", ", _ranges)}";
        throw new LdaeException(
            ErrorKind.Run,
            $"{primitive}{where} (its call {call} there) is the first to write a value that is not finite: {values[first]} at {Place(tensor.Shape, first)} of {tensor}, {which}; "
            + $"{values.Count(value => !float.IsFinite(value)):N0} of {values.Length:N0} values are not finite.",
            primitive == nameof(Upload)
                ? "What came from the host is not finite already: look at the images, the tokenizer or the checkpoint."
                : "All that was written before was finite. Lower train.lr or lengthen train.warmup; if the figures are small, the primitive has an error: please report it.");
    }

    /// <summary>An element's place on each axis.</summary>
    private static string Place(Shape shape, long index)
    {
        var place = new long[shape.Rank];
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            (index, place[axis]) = Math.DivRem(index, shape[axis]);
        }

        return $"[{string.Join(", ", place)}]";
    }
}
