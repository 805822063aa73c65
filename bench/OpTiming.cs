using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Bench;

/// <summary>
/// One pass of one op case, again and again. Several sets of buffers take turns, so that no pass finds its data in a cache from the
/// pass before. On a processor <see cref="Run"/> is the pass itself; on a GPU it replays recorded graphs of all sets between two events,
/// and the time is theirs.
/// </summary>
public sealed class OpTiming
{
    private const double ShortestMeasurement = 2e-3;
    private const int MostRounds = 100, MostSets = 8;

    private readonly IBackend _backend;
    private readonly OpCase _case;
    private readonly bool _backward;
    private readonly long _rotatedBytes;
    private readonly List<CaseBuffers> _sets = [];
    private readonly List<CudaGraph> _graphs = [];
    private readonly List<double> _deviceSeconds = [];
    private int _next, _rounds = 1;

    internal OpTiming(IBackend backend, OpCase opCase, bool backward, long rotatedBytes) =>
        (_backend, _case, _backward, _rotatedBytes) = (backend, opCase, backward, rotatedBytes);

    /// <summary>Times by the device's own clock, seconds a pass, in order; empty where the processor's clock counts.</summary>
    internal IReadOnlyList<double> DeviceSeconds => _deviceSeconds;

    /// <summary>What went wrong, if something did: BenchmarkDotNet loses it.</summary>
    internal Exception? Error { get; private set; }

    internal string Pass => _backward ? "backward" : "forward";

    internal OpCase Case => _case;

    internal string Name => _case.ToString();

    internal double Flops => _backward ? _case.BackwardFlops ?? (2 * _case.Flops) : _case.Flops;

    internal double Bytes => (_backward ? _case.BackwardElements ?? (2 * _case.Elements) : _case.Elements)
        * (_case.Inputs.All(input => input.IsParameter) ? _backend.ParameterType : _backend.ActivationType).Size();

    /// <summary>Allocates and fills the sets; on a GPU compiles, tunes and records.</summary>
    public void Prepare()
    {
        var values = CaseBuffers.Draw(_case);
        var sets = Math.Clamp((_rotatedBytes / CaseBuffers.Bytes(_case, _backend)) + 1, 1, MostSets);
        for (var i = 0; i < sets; i++)
        {
            _sets.Add(new CaseBuffers(_case, _backend, values));
        }

        if (_backend is CudaBackend cuda)
        {
            _sets.ForEach(set => _graphs.Add(Record(cuda, set)));
            Measure(cuda);
            _rounds = (int)Math.Clamp(ShortestMeasurement / (_deviceSeconds[0] * _graphs.Count), 1, MostRounds);
            _deviceSeconds.Clear();
        }
    }

    /// <summary>What comes before a pass and is not timed.</summary>
    public void Ready()
    {
        if (_graphs.Count > 0)
        {
            return;
        }

        _next = (_next + 1) % _sets.Count;
        _sets[_next].Clear();
        if (_backward)
        {
            _sets[_next].Forward();
            _sets[_next].Seed();
        }
    }

    /// <summary>The pass.</summary>
    public void Run()
    {
        if (_backend is CudaBackend cuda)
        {
            Measure(cuda);
        }
        else if (_backward)
        {
            _sets[_next].Backward();
        }
        else
        {
            _sets[_next].Forward();
        }
    }

    /// <summary>Does a part of the work and keeps what it throws.</summary>
    /// <param name="part">One of the methods above.</param>
    public void Keep(Action part)
    {
        try
        {
            part();
        }
        catch (Exception e)
        {
            Error ??= e;
            throw;
        }
    }

    /// <summary>Frees everything.</summary>
    public void End()
    {
        _graphs.ForEach(graph => graph.Dispose());
        _sets.ForEach(set => set.Dispose());
        _graphs.Clear();
        _sets.Clear();
    }

    /// <summary>Case and pass.</summary>
    public override string ToString() => $"{Name} {Pass}";

    private CudaGraph Record(CudaBackend cuda, CaseBuffers set)
    {
        // Once for real: kernels are compiled, products tuned, scratch memory found.
        for (var warmUp = 0; warmUp < 2; warmUp++)
        {
            set.Clear();
            set.Forward();
            if (_backward)
            {
                set.Seed();
            }

            if (_backward && warmUp == 0)
            {
                set.Backward();
            }
        }

        if (!_backward)
        {
            set.Clear();
        }

        cuda.Synchronize();
        cuda.Gemm.Recording = true;
        try
        {
            return cuda.Stream.Capture(_backward ? set.Backward : set.Forward);
        }
        finally
        {
            cuda.Gemm.Recording = false;
        }
    }

    private void Measure(CudaBackend cuda)
    {
        using CudaEvent start = new(cuda.Stream.Context), end = new(cuda.Stream.Context);
        start.Record(cuda.Stream);
        for (var round = 0; round < _rounds; round++)
        {
            _graphs.ForEach(graph => graph.Launch(cuda.Stream));
        }

        end.Record(cuda.Stream);
        end.Synchronize();
        _deviceSeconds.Add(end.MillisecondsSince(start) / 1e3 / (_rounds * _graphs.Count));
    }
}
