using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Objectives;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>A recipe's training step without data, to make a device ready for it: what it asks for is what training will ask for.</summary>
public sealed class RehearsedStep : IDisposable
{
    // Where the data choose the number of components, the rehearsal takes the usual one.
    private const int UnknownDim = 32;

    private readonly IBackend _backend;
    private readonly LatentDenoiser _model;
    private readonly PersistentTensor _images, _norm, _clipScale;
    private readonly NoiseLevels _levels;
    private readonly StepArena _arena;
    private readonly Tensor _firstMoment, _secondMoment, _average;

    /// <summary>Allocates the step's memory; nothing in it has a value.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The recipe.</param>
    public RehearsedStep(IBackend backend, Recipe recipe)
    {
        _backend = backend;
        var resolved = recipe.Resolve();
        var dim = Math.Min(UnknownDim, resolved.Tokenizer.PatchValues);
        var (micro, side) = (resolved.Train.MicroBatch, resolved.Data.ImageSize);
        var plan = MemoryPlan.Of(resolved, backend.ActivationType, backend.ParameterType, dim);
        _model = LatentDenoiser.ForPlan(backend, resolved, resolved.Tokenizer.Dim > 0 ? resolved.Tokenizer.Dim : dim);
        _firstMoment = _model.Parameters.NewFlat();
        _secondMoment = _model.Parameters.NewFlat();
        _average = _model.Parameters.NewFlat();
        _images = new PersistentTensor(backend, new Shape(micro, side, side, 3), DType.U8);
        _levels = new NoiseLevels(backend, micro);
        _norm = new PersistentTensor(backend, new Shape(1), backend.ParameterType);
        _clipScale = new PersistentTensor(backend, new Shape(1), backend.ParameterType);
        _arena = new StepArena(backend, plan.ArenaBytes, ArenaMode.Packed);
    }

    /// <summary>Lets the device prepare the step.</summary>
    public void Prepare() => _backend.Prepare(Step);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _arena.Dispose();
        _clipScale.Dispose();
        _norm.Dispose();
        _levels.Dispose();
        _images.Dispose();
        _model.Dispose();
    }

    private void Step()
    {
        var train = _model.Recipe.Train;
        var parameters = _model.Parameters;
        parameters.ForgetGradients();
        for (var micro = 0; micro < Math.Min(2, train.Accumulate); micro++)
        {
            // A second micro-batch adds to the gradients of the first, which is other work; later ones are like it.
            var tape = new Tape(_backend, _arena);
            tape.Backward(_model.Objective().Loss(tape, _images.Tensor, _levels, 0, 0));
            _arena.Reset();
        }

        parameters.ZeroUntouchedGradients();
        _backend.GlobalNorm(parameters.Gradients, train.Clip, _norm.Tensor, _clipScale.Tensor);
        _backend.AdamW(new AdamWArgs(parameters.Values, parameters.Gradients, _firstMoment, _secondMoment, _clipScale.Tensor)
        {
            LearningRate = train.Lr,
            Beta1 = train.Beta1,
            Beta2 = train.Beta2,
            Epsilon = 1e-8,
            Step = 1,
        });
        _backend.Ema(parameters.Values, train.Ema, _average);
    }
}
