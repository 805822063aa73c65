using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Objectives;

namespace LDaeCore.Model.Training;

/// <summary>
/// The optimizer's side of training: micro-batches, clipping, AdamW, the moving average. It knows nothing of files, clocks or
/// data sets; a step is a pure function of its state, the step's number and the images.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly IBackend _backend;
    private readonly StepArena _arena;
    private readonly PersistentTensor _images, _norm, _clipScale;
    private readonly NoiseLevels _levels;
    private readonly Tensor? _decay;

    /// <summary>Allocates the optimizer's state and the step's memory.</summary>
    /// <param name="model">What is trained.</param>
    /// <param name="plan">The run's memory.</param>
    /// <param name="mode">How the step's memory is handed out; guarded when <c>LDAE_ARENA=guard</c>.</param>
    public Trainer(LatentDenoiser model, MemoryPlan plan, ArenaMode? mode = null)
    {
        Model = model;
        _backend = model.Backend;
        var train = model.Recipe.Train;
        FirstMoment = model.Parameters.NewFlat();
        SecondMoment = model.Parameters.NewFlat();
        Average = train.Ema > 0 ? model.Parameters.NewFlat() : null;
        _decay = train.WeightDecay > 0 ? DecayMask(model.Parameters, train.WeightDecay) : null;
        var side = model.Recipe.Data.ImageSize;
        _images = new PersistentTensor(_backend, new Shape(train.MicroBatch, side, side, 3), DType.U8);
        _levels = new NoiseLevels(_backend, train.MicroBatch);
        _norm = new PersistentTensor(_backend, new Shape(1), _backend.ParameterType);
        _clipScale = new PersistentTensor(_backend, new Shape(1), _backend.ParameterType);
        _arena = new StepArena(_backend, plan.ArenaBytes, mode ?? DefaultMode);
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

    /// <summary>One optimizer step.</summary>
    /// <param name="pixels">The global batch [batch, H, W, 3].</param>
    /// <param name="learningRate">Learning rate.</param>
    /// <returns>What it found.</returns>
    /// <exception cref="LdaeException">Run: the loss or the gradient is not a finite number; parameters are untouched.</exception>
    public StepResult Run(ReadOnlySpan<byte> pixels, double learningRate)
    {
        var train = Model.Recipe.Train;
        var parameters = Model.Parameters;
        parameters.ForgetGradients();
        Span<double> loss = stackalloc double[3];
        var microBytes = pixels.Length / train.Accumulate;
        for (var micro = 0; micro < train.Accumulate; micro++)
        {
            var firstImage = (long)micro * train.MicroBatch;
            _backend.Upload(pixels.Slice(micro * microBytes, microBytes), _images.Tensor);
            Model.DrawLevels(_levels, train.MicroBatch, (uint)Step, firstImage);
            var parts = Model.Differentiate(_arena, _images.Tensor, _levels, (uint)Step, firstImage, 1.0 / train.Accumulate);
            _arena.Reset();
            for (var i = 0; i < parts.Length; i++)
            {
                loss[i] += parts[i] / train.Accumulate;
            }
        }

        parameters.ZeroUntouchedGradients();
        _backend.GlobalNorm(parameters.Gradients, train.Clip, _norm.Tensor, _clipScale.Tensor);
        var norm = _norm.Tensor.ReadDoubles(_backend)[0];
        var result = new StepResult(loss[0], loss[1], loss[2], learningRate, norm);
        if (!double.IsFinite(result.Loss) || !double.IsFinite(norm))
        {
            throw Diagnosis(result);
        }

        Update(learningRate);
        Step++;
        return result;
    }

    /// <summary>Frees the step's memory; the optimizer's state belongs to the parameter set.</summary>
    public void Dispose()
    {
        _arena.Dispose();
        _levels.Dispose();
        _images.Dispose();
        _norm.Dispose();
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

    private void Update(double learningRate)
    {
        var train = Model.Recipe.Train;
        using var range = Ranges.Open("optimizer");
        _backend.AdamW(new AdamWArgs(Model.Parameters.Values, Model.Parameters.Gradients, FirstMoment, SecondMoment, _clipScale.Tensor)
        {
            LearningRate = learningRate,
            Beta1 = train.Beta1,
            Beta2 = train.Beta2,
            Epsilon = 1e-8,
            Step = Step + 1,
            Decay = _decay,
        });
        if (Average is { } average)
        {
            _backend.Ema(Model.Parameters.Values, train.Ema, average);
        }
    }

    private LdaeException Diagnosis(StepResult result)
    {
        var broken = Model.Parameters.All.FirstOrDefault(p => p.Gradient.ReadDoubles(_backend).Any(g => !double.IsFinite(g)));
        var where = broken is null ? "every gradient is finite" : $"the first gradient that is not finite is that of {broken.Name}";
        return new LdaeException(
            ErrorKind.Run,
            $"Step {Step + 1} has loss {result.Loss} (kept {result.LossKept}, residual {result.LossResidual}) and gradient norm {result.GradientNorm} at learning rate {result.LearningRate:G4}; {where}.",
            "Start a run with a lower train.lr, a longer train.warmup, or train.clip=1.");
    }
}
