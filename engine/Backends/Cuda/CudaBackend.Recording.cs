using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>
/// Steps that are recorded once as a CUDA graph and replayed. A graph repeats its launches with the values they were recorded with,
/// so what changes from step to step is read from device memory: while work is recorded, launches get the address of the step's number or of
/// an optimizer's schedule, otherwise they carry the values. Kernels take both, and compute the same bits from either.
/// </content>
public sealed unsafe partial class CudaBackend
{
    // Scratch memory that a recorded graph may still write to.
    private readonly List<DeviceStorage> _outgrown = [];
    private DeviceStorage? _step;
    private bool _hasRecorded;

    /// <inheritdoc/>
    public bool Replays => _options.Replay && !IsObserved;

    /// <summary>Allocations of device memory so far, workspace and tuning included.</summary>
    public long Allocations => _context.Allocations;

    /// <summary>Where a launch reads the step of its random numbers: 0, for the value it carries, unless it is recorded.</summary>
    private nint RecordedStep => _gemm.Recording ? StepMemory.Address : 0;

    private DeviceStorage StepMemory => _step ??= new DeviceStorage(_stream, sizeof(uint));

    /// <inheritdoc/>
    public IRecordedWork Record(Action work)
    {
        _ = StepMemory;
        RefuseWhileRecording("Work is recorded");
        _gemm.Recording = _hasRecorded = true;
        try
        {
            return _stream.Capture(work);
        }
        finally
        {
            _gemm.Recording = false;
        }
    }

    /// <inheritdoc/>
    public void SetStep(uint step) => Upload<int>([unchecked((int)step)], new Tensor(new Shape(1), DType.I32, StepMemory.Address));

    /// <inheritdoc/>
    public IStagedTensor Stage(Shape shape) => new StagedTensor(_stream, shape);

    /// <summary>A graph keeps the addresses it was recorded with: what it may use stays, however much other work outgrows it.</summary>
    private void GiveBackScratch()
    {
        if (_scratch is { } scratch && _hasRecorded)
        {
            _outgrown.Add(scratch);
        }
        else
        {
            _scratch?.Dispose();
        }

        _scratch = null;
    }

    /// <summary>Where a launch reads an optimizer's numbers: 0, for the values it carries, unless it is recorded.</summary>
    private nint Recorded(Tensor? schedule)
    {
        if (!_gemm.Recording)
        {
            return 0;
        }

        Require(schedule, DType.F32, 4);
        return schedule?.Address
            ?? throw new InvalidOperationException("An optimizer's step is recorded without a schedule on the device: a replay would repeat its learning rate.");
    }

    private void RefuseWhileRecording(string what)
    {
        if (_gemm.Recording)
        {
            throw new InvalidOperationException(
                $"{what} inside recorded work, which would repeat it blindly: the work has to run once before, and reads its input from the device.");
        }
    }
}
