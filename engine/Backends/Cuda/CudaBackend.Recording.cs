using System.Runtime.InteropServices;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>
/// Steps that are recorded once as a CUDA graph and replayed. A graph repeats its launches with the values they were recorded with,
/// so what changes from step to step is read from device memory: while work is recorded, launches get the address of the step's scalars,
/// otherwise they carry the values. Kernels take both, and compute the same bits from either.
/// </content>
public sealed unsafe partial class CudaBackend
{
    // Learning rate and the two bias corrections, as optimizer.cu reads them; the step of the random numbers comes after them.
    private const int StepOffset = 16, StepScalarBytes = 20;

    // Scratch memory that a recorded graph may still write to.
    private readonly List<DeviceStorage> _outgrown = [];
    private DeviceStorage? _stepScalars;
    private bool _hasRecorded;

    /// <inheritdoc/>
    public bool Replays => _options.Replay && !IsObserved;

    /// <summary>Allocations of device memory so far, workspace and tuning included.</summary>
    public long Allocations => _context.Allocations;

    /// <summary>Where a launch reads the optimizer's schedule: 0, for the values it carries, unless it is recorded.</summary>
    private nint RecordedSchedule => _gemm.Recording ? StepScalarMemory.Address : 0;

    /// <summary>Where a launch reads the step of its random numbers: 0, for the value it carries, unless it is recorded.</summary>
    private nint RecordedStep => _gemm.Recording ? StepScalarMemory.Address + StepOffset : 0;

    private DeviceStorage StepScalarMemory => _stepScalars ??= new DeviceStorage(_stream, StepScalarBytes);

    /// <inheritdoc/>
    public IRecordedWork Record(Action work)
    {
        _ = StepScalarMemory;
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
    public void SetStep(in StepScalars step)
    {
        var memory = StepScalarMemory;
        Span<byte> bytes = stackalloc byte[StepScalarBytes];
        var (rate, correction1, correction2) = Schedule(step.LearningRate, step.Beta1, step.Beta2, step.Step + 1L);
        MemoryMarshal.Write(bytes, rate);
        MemoryMarshal.Write(bytes[4..], correction1);
        MemoryMarshal.Write(bytes[8..], correction2);
        bytes[12..StepOffset].Clear();
        MemoryMarshal.Write(bytes[StepOffset..], step.Step);
        Upload<byte>(bytes, new Tensor(new Shape(StepScalarBytes), DType.U8, memory.Address));
    }

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

    private void RefuseWhileRecording(string what)
    {
        if (_gemm.Recording)
        {
            throw new InvalidOperationException($"{what} inside recorded work, which would repeat it blindly: the work has to run once before, and reads its input from the device.");
        }
    }
}
