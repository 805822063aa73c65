using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;

namespace LDaeCore.Model.Training;

/// <summary>
/// The optimizer's side of training: micro-batches, sums over processes, clipping, the optimizer, the moving average. It knows neither the
/// method nor files, clocks and data sets; a step is a pure function of its state, the step's number and the images.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly IBackend _backend;
    private readonly IDeviceBackend? _device;
    private readonly StepArena _arena;
    private readonly ICommunicator _group;
    private readonly BatchPart _part;
    private IStepImages? _images;
    private bool _warmsUp;

    /// <summary>Allocates the optimizers' state and the step's memory.</summary>
    /// <param name="method">What is trained.</param>
    /// <param name="plan">The run's memory.</param>
    /// <param name="mode">How the step's memory is handed out; guarded when <c>LDAE_ARENA=guard</c>.</param>
    /// <param name="group">The processes that share each batch; one when not given. Each holds everything but its part of the batch.</param>
    public Trainer(IMethod method, MemoryPlan plan, ArenaMode? mode = null, ICommunicator? group = null)
    {
        Method = method;
        _backend = method.Backend;
        var train = method.Recipe.Train;
        _group = group ?? SingleProcess.Instance;
        _part = BatchPart.Of(train.Batch, _group.Rank, _group.Size);
        method.Allocate(_part.Count);
        _arena = new StepArena(_backend, plan.ArenaBytes, mode ?? StepArena.DefaultMode);

        // A guarded arena allocates for each tensor, which no recording could repeat.
        _device = _arena.Mode == ArenaMode.Packed && _backend is IDeviceBackend { Replays: true } device ? device : null;
        Phases = [.. method.Phases.Select(phase => new PhaseTrainer(phase, train, _backend, _device, _arena, _group, _part))];
    }

    /// <summary>What is trained.</summary>
    public IMethod Method { get; }

    /// <summary>The optimizer's state of each phase of the method.</summary>
    public IReadOnlyList<PhaseTrainer> Phases { get; }

    /// <summary>Optimizer steps done.</summary>
    public long Step { get; set; }

    /// <summary>Native allocations of the step's memory so far: it never grows.</summary>
    public long NativeAllocations => _arena.NativeAllocations;

    /// <summary>Whether steps are replayed from a recording by now.</summary>
    public bool IsReplaying => Phases.All(phase => phase.IsReplaying);

    private IEnumerable<PhaseTrainer> ActivePhases => Phases.Where(phase => Step >= phase.Phase.FirstStep);

    /// <summary>
    /// Lets a device compile at once, in parallel, what a step will ask for, instead of one kernel after the other in the first step.
    /// </summary>
    /// <param name="images">Where the images of the steps will come from.</param>
    public void Prepare(IStepImages images)
    {
        if (_backend is IDeviceBackend)
        {
            Use(images);
            _warmsUp = true;
            _backend.Prepare(() =>
            {
                foreach (var phase in Phases)
                {
                    phase.WarmUp(At(0));
                }
            });
            _warmsUp = false;
        }
    }

    /// <summary>
    /// One optimizer step. The work of a phase comes in two parts, as the host decides between them whether the parameters may change:
    /// gradients with losses and norm, then the update.
    /// </summary>
    /// <param name="images">Where the images come from; the same in every step.</param>
    /// <param name="learningRate">Learning rate.</param>
    /// <returns>What it found.</returns>
    /// <exception cref="NonFiniteStepException">A loss or a gradient is not a finite number; the parameters of its phase are untouched.</exception>
    public StepResult Run(IStepImages images, double learningRate)
    {
        Use(images);
        var now = At(learningRate);
        _device?.SetStep((uint)Step);
        images.Begin(Step);
        Method.Sample(new StepDraw((uint)Step, _part.Count, _part.First, Method.Input.Labels ? images.Labels : []));
        StepResult? found = null;
        var phases = ActivePhases.ToArray();
        foreach (var phase in phases)
        {
            phase.Differentiate(now);
            if (phase == phases[^1])
            {
                images.Ahead();
            }

            var result = phase.Found(now);
            phase.Update(now);
            found = found is { } first ? first.With(phase.Phase.Name, result) : result;
        }

        Step++;
        Method.AfterStep(Step);
        return found ?? throw new InvalidOperationException($"No phase of the method takes part in step {Step}.");
    }

    /// <summary>Frees the step's memory; the optimizers' state belongs to the parameter sets.</summary>
    public void Dispose()
    {
        foreach (var phase in Phases)
        {
            phase.Dispose();
        }

        _arena.Dispose();
    }

    private PhaseTrainer.Moment At(double learningRate) => new(_images!, Step, learningRate, _group is not SingleProcess && !_warmsUp);

    /// <summary>Before a first step, and where the images come to other addresses: nothing recorded holds any more.</summary>
    private void Use(IStepImages images)
    {
        if (_images == images)
        {
            return;
        }

        _images = images;
        foreach (var phase in Phases)
        {
            phase.Restart();
        }
    }
}
