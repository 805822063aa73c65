using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Row-major matrix products by cuBLASLt. The first product of a shape describes it and chooses an algorithm, from the book of earlier
/// choices or by the tuner; later ones only set addresses.
/// </summary>
internal sealed class CublasLtGemm : IDisposable
{
    /// <summary>Workspace that algorithms may use; what Hopper's best ones want.</summary>
    public const long WorkspaceBytes = 32L << 20;

    private readonly CudaStream _stream;
    private readonly CublasLt _library;
    private readonly CublasLtHandle _handle;
    private readonly DeviceStorage _workspace;
    private readonly GemmTuner? _tuner;
    private readonly Dictionary<GemmShape, GemmPlan?> _plans = [];

    /// <summary>Makes the library ready.</summary>
    /// <param name="stream">Where products run.</param>
    /// <param name="book">Earlier choices; new ones are added.</param>
    /// <param name="autotune">Whether candidates are timed; else the library's first is taken.</param>
    public CublasLtGemm(CudaStream stream, GemmAlgorithmBook book, bool autotune)
    {
        _stream = stream;
        stream.Context.MakeCurrent();
        _library = stream.Context.Device.Libraries.CublasLt;
        _handle = _library.Create();
        _workspace = new DeviceStorage(stream, WorkspaceBytes);
        _tuner = autotune ? new GemmTuner(stream, _handle, (_workspace.Address, WorkspaceBytes)) : null;
        Book = book;
        Prefix = $"{stream.Context.Device.Name}|{_library.Version}|";
    }

    /// <summary>The choices made so far, and those of earlier runs.</summary>
    public GemmAlgorithmBook Book { get; }

    /// <summary>What a choice holds for: this GPU and this version of the library.</summary>
    public string Prefix { get; }

    /// <summary>Shapes that were timed by this process.</summary>
    public int Tunings { get; private set; }

    /// <summary>Whether a graph is being recorded: then no shape may be new.</summary>
    public bool Recording { get; set; }

    /// <summary>Whether products are described, and their algorithms chosen, but not run.</summary>
    public bool Rehearsing { get; set; }

    /// <summary>Runs a product.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="operands">Its addresses.</param>
    /// <returns>False, with nothing done, when the library has no algorithm for this epilogue and these types.</returns>
    public bool TryRun(in GemmShape shape, in GemmOperands operands)
    {
        _stream.Context.MakeCurrent();
        if (!_plans.TryGetValue(shape, out var plan))
        {
            plan = Plan(shape, operands);
            _plans.Add(shape, plan);
        }

        if (plan is null || Rehearsing)
        {
            return plan is not null;
        }

        using var range = Ranges.Open("matmul");
        _stream.Observer?.Before();
        plan.Run(_handle, operands, (_workspace.Address, WorkspaceBytes), _stream.Handle);
        _stream.Observer?.After(LaunchFacts.OfProduct(shape));
        return true;
    }

    /// <summary>Runs a product that must be possible.</summary>
    /// <param name="shape">Its shape; no epilogue.</param>
    /// <param name="operands">Its addresses.</param>
    /// <exception cref="LdaeException">Run: the library cannot do it.</exception>
    public void Run(in GemmShape shape, in GemmOperands operands)
    {
        if (!TryRun(shape, operands))
        {
            throw new LdaeException(
                ErrorKind.Run,
                $"cuBLASLt {_library.Version} at {_library.Library.Path} has no algorithm for the product {shape}.",
                $"Use a newer cuBLASLt. {_library.Library.Remedy}");
        }
    }

    /// <summary>Destroys plans and workspace.</summary>
    public void Dispose()
    {
        foreach (var plan in _plans.Values)
        {
            plan?.Dispose();
        }

        _plans.Clear();
        _workspace.Dispose();
        _handle.Dispose();
    }

    private GemmPlan? Plan(in GemmShape shape, in GemmOperands operands)
    {
        if (Recording)
        {
            throw new InvalidOperationException($"The product {shape} is new while a graph is recorded; run the step once before.");
        }

        var plan = new GemmPlan(_library, shape);
        var key = Prefix + shape;
        if (Book.Find(key) is { } known)
        {
            plan.Algorithm = known;
            return plan;
        }

        var candidates = plan.Candidates(_handle, operands, WorkspaceBytes, _tuner is null ? 1 : GemmTuner.MostCandidates);
        if (candidates.Length == 0)
        {
            plan.Dispose();
            return null;
        }

        plan.Algorithm = candidates[0].Algorithm;
        if (_tuner is not null && candidates.Length > 1)
        {
            plan.Algorithm = _tuner.Fastest(plan, shape, candidates);
            Tunings++;
        }

        Book.Add(key, plan.Algorithm);
        return plan;
    }
}
