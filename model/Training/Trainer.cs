using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>
/// The optimizer's side of training: micro-batches, clipping, AdamW, the moving average. It knows nothing of files, clocks or
/// data sets; a step is a pure function of its state, the step's number and the images.
/// </summary>
public sealed class Trainer : IDisposable
{
    // The loss and its two parts.
    private const int Parts = 3;

    private readonly IBackend _backend;
    private readonly IDeviceBackend? _device;
    private readonly StepArena _arena;
    private readonly PersistentTensor _found, _share, _clipScale;
    private readonly NoiseLevels _levels;
    private readonly Tensor? _decay;
    private readonly ReplayedWork _differentiate, _update;
    private readonly ICommunicator _group;
    private readonly BatchPart _part;
    private readonly int _micro;
    private IStepImages? _images;
    private long _summed;
    private bool _rehearses;
    private double _learningRate;

    /// <summary>Allocates the optimizer's state and the step's memory.</summary>
    /// <param name="model">What is trained.</param>
    /// <param name="plan">The run's memory.</param>
    /// <param name="mode">How the step's memory is handed out; guarded when <c>LDAE_ARENA=guard</c>.</param>
    /// <param name="group">The processes that share each batch; one when not given. Each holds everything but its part of the batch.</param>
    public Trainer(LatentDenoiser model, MemoryPlan plan, ArenaMode? mode = null, ICommunicator? group = null)
    {
        Model = model;
        _backend = model.Backend;
        var train = model.Recipe.Train;
        _group = group ?? SingleProcess.Instance;
        _part = BatchPart.Of(train.Batch, _group.Rank, _group.Size);
        _micro = _part.Count / train.Accumulate;
        FirstMoment = model.Parameters.NewFlat();
        SecondMoment = model.Parameters.NewFlat();
        Average = train.Ema > 0 ? model.Parameters.NewFlat() : null;
        _decay = train.WeightDecay > 0 ? DecayMask(model.Parameters, train.WeightDecay) : null;
        _levels = new NoiseLevels(_backend, _part.Count, model.LabelColumns);
        _found = new PersistentTensor(_backend, new Shape((train.Accumulate * Parts) + 1), _backend.ParameterType);
        _share = new PersistentTensor(_backend, new Shape(Parts), _backend.ParameterType);
        _share.Tensor.Write(_backend, [1.0 / (train.Accumulate * _group.Size), 0, 0]);
        _clipScale = new PersistentTensor(_backend, new Shape(1), _backend.ParameterType);
        _arena = new StepArena(_backend, plan.ArenaBytes, mode ?? DefaultMode);

        // A guarded arena allocates for each tensor, which no recording could repeat.
        _device = _arena.Mode == ArenaMode.Packed && _backend is IDeviceBackend { Replays: true } device ? device : null;
        _differentiate = new ReplayedWork(_device, Differentiate);
        _update = new ReplayedWork(_device, Update);
        if (Average is not null)
        {
            _backend.Copy(model.Parameters.Values, Average);
        }
    }

    /// <summary>What is trained.</summary>
    public LatentDenoiser Model { get; }

    /// <summary>Adam's first moment, flat.</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Adam's second moment, flat.</summary>
    public Tensor SecondMoment { get; }

    /// <summary>The moving average of the parameters, flat, or null.</summary>
    public Tensor? Average { get; }

    /// <summary>Optimizer steps done.</summary>
    public long Step { get; set; }

    /// <summary>Native allocations of the step's memory so far: it never grows.</summary>
    public long NativeAllocations => _arena.NativeAllocations;

    /// <summary>How a run's step memory is handed out: packed, or guarded when the environment asks for it.</summary>
    public static ArenaMode DefaultMode =>
        Environment.GetEnvironmentVariable("LDAE_ARENA") == "guard" ? ArenaMode.Guard : ArenaMode.Packed;

    /// <summary>Whether steps are replayed from a recording by now.</summary>
    public bool IsReplaying => _differentiate.IsRecorded && _update.IsRecorded;

    /// <summary>
    /// Lets a device compile at once, in parallel, what a step will ask for, instead of one kernel after the other in the first step.
    /// </summary>
    /// <param name="images">Where the images of the steps will come from.</param>
    public void Prepare(IStepImages images)
    {
        if (_backend is IDeviceBackend)
        {
            Use(images);
            _rehearses = true;
            _backend.Prepare(() =>
            {
                Differentiate();
                Update();
            });
            _rehearses = false;
        }
    }

    /// <summary>
    /// One optimizer step. The work on the device comes in two parts, as the host decides between them whether the parameters may change:
    /// gradients with losses and norm, then the update.
    /// </summary>
    /// <param name="images">Where the images come from; the same in every step.</param>
    /// <param name="learningRate">Learning rate.</param>
    /// <returns>What it found.</returns>
    /// <exception cref="NonFiniteStepException">The loss or the gradient is not a finite number; parameters are untouched.</exception>
    public StepResult Run(IStepImages images, double learningRate)
    {
        Use(images);
        var train = Model.Recipe.Train;
        _learningRate = learningRate;
        _device?.SetStep(new StepScalars((uint)Step, learningRate, train.Beta1, train.Beta2));
        images.Begin(Step);
        Model.DrawLevels(_levels, _part.Count, (uint)Step, _part.First);
        if (Model.LabelColumns > 0)
        {
            Model.DrawLabels(_levels, images.Labels, (uint)Step, _part.First);
        }

        _differentiate.Run();
        images.Ahead();
        var result = Found(learningRate);
        if (!double.IsFinite(result.Loss) || !double.IsFinite(result.GradientNorm))
        {
            throw Diagnosis(result);
        }

        _update.Run();
        Step++;
        return result;
    }

    private bool Shares => _group is not SingleProcess && !_rehearses;

    /// <summary>Frees the step's memory; the optimizer's state belongs to the parameter set.</summary>
    public void Dispose()
    {
        _differentiate.Dispose();
        _update.Dispose();
        _arena.Dispose();
        _levels.Dispose();
        _found.Dispose();
        _share.Dispose();
        _clipScale.Dispose();
    }

    /// <summary>Weight decay of each element: weights of two axes only, as biases and gains are few and mean something by themselves.</summary>
    private static Tensor DecayMask(ParameterSet parameters, double decay)
    {
        var mask = parameters.NewFlat();
        foreach (var parameter in parameters.All.Where(p => p.Shape.Rank > 1))
        {
            parameters.Backend.Fill(ParameterSet.View(mask, parameter), decay);
        }

        return mask;
    }

    /// <summary>Before a first step, and where the images come to other addresses: nothing recorded holds any more.</summary>
    private void Use(IStepImages images)
    {
        if (_images == images)
        {
            return;
        }

        _images = images;
        _differentiate.Forget();

        // From here on the optimizer keeps the copy that products read; until now anybody may have written parameters.
        Model.Parameters.Round();
    }

    /// <summary>Gradients of all micro-batches, their losses, and the gradient's norm: nothing in it waits for the host or asks it.</summary>
    private void Differentiate()
    {
        var train = Model.Recipe.Train;
        var parameters = Model.Parameters;
        parameters.ForgetGradients();
        _summed = parameters.FlatCount;
        for (var micro = 0; micro < train.Accumulate; micro++)
        {
            var first = micro * _micro;
            var levels = _levels.Slice(first, _micro);
            var parts = _found.Tensor.Slice(micro * Parts, Parts);
            Action<long>? passed = Shares && micro == train.Accumulate - 1 ? SumFrom : null;
            Model.Differentiate(_arena, _images!.MicroBatch(micro), levels, (uint)Step, _part.First + first, _share.Tensor, parts, passed);
            _arena.Reset();
        }

        if (Shares)
        {
            SumFrom(0);

            // On the processor this is what the backward pass did not hide.
            using var range = Ranges.Open("sums");
            _group.FinishSums();
        }
        else
        {
            parameters.ZeroUntouchedGradients();
        }

        _backend.GlobalNorm(parameters.Gradients, train.Clip, _found.Tensor.Slice(train.Accumulate * Parts, 1), _clipScale.Tensor);
    }

    /// <summary>
    /// The last micro-batch's backward pass has come to the first element of a block: what lies from there to the block after it is summed over the processes
    /// while the pass goes on.
    /// </summary>
    private void SumFrom(long element)
    {
        if (element < _summed)
        {
            Model.Parameters.ZeroUntouchedGradients(element, _summed);
            _group.BeginSum(Model.Parameters.Gradients.Slice((int)element, (int)(_summed - element)));
            _summed = element;
        }
    }

    /// <summary>The losses of the micro-batches and the norm, by one small copy; the losses are means over all processes.</summary>
    private StepResult Found(double learningRate)
    {
        var accumulate = Model.Recipe.Train.Accumulate;
        var found = _found.Tensor.ReadDoubles(_backend);
        Span<double> mine = stackalloc double[Parts + 1];
        for (var i = 0; i < accumulate * Parts; i++)
        {
            mine[i % Parts] += found[i] / accumulate;
        }

        // The norm is of the sum, which all have: rank 0's is everybody's, so that all decide alike.
        mine[Parts] = found[^1];
        var all = _group.Gather(mine);
        double Mean(int part) => Enumerable.Range(0, _group.Size).Sum(rank => all[(rank * (Parts + 1)) + part]) / _group.Size;
        return new StepResult(Mean(0), Mean(1), Mean(2), learningRate, all[Parts]);
    }

    private void Update()
    {
        var train = Model.Recipe.Train;
        using var range = Ranges.Open("optimizer");
        _backend.AdamW(new AdamWArgs(Model.Parameters.Values, Model.Parameters.Gradients, FirstMoment, SecondMoment, _clipScale.Tensor)
        {
            LearningRate = _learningRate,
            Beta1 = train.Beta1,
            Beta2 = train.Beta2,
            Epsilon = 1e-8,
            Step = Step + 1,
            Decay = _decay,
            Average = Average,
            AverageDecay = train.Ema,
            Rounded = Model.Parameters.Rounded,
        });
    }

    private NonFiniteStepException Diagnosis(StepResult result)
    {
        var broken = Model.Parameters.All.FirstOrDefault(p => p.Gradient.ReadDoubles(_backend).Any(g => !double.IsFinite(g)));
        var where = broken is null ? "every gradient is finite" : $"the first gradient that is not finite is that of {broken.Name}";
        return new NonFiniteStepException(
            $"Step {Step + 1} has loss {result.Loss} (kept {result.LossKept}, residual {result.LossResidual}) and gradient norm {result.GradientNorm} at learning rate {result.LearningRate:G4}; {where}.",
            "Start a run with a lower train.lr, a longer train.warmup, or train.clip=1.");
    }
}
