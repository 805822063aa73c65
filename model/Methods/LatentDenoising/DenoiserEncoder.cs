using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// The encoder of a denoiser: its first blocks at one noise level. Its control is the same network at the random start of its run with its
/// gates at 1, so that it is a plain random ViT and not, as with adaLN-Zero's closed gates, the mean patch.
/// </summary>
public sealed class DenoiserEncoder : IEncoder
{
    private readonly LatentDenoiser _model;
    private readonly ProbeRecipe _probe;
    private readonly bool _ownsModel;
    private NoiseLevels? _levels;

    /// <summary>Reads a denoiser.</summary>
    /// <param name="model">The denoiser; it must outlive the encoder.</param>
    /// <param name="probe">What is read: block, time step, input.</param>
    public DenoiserEncoder(LatentDenoiser model, ProbeRecipe probe)
        : this(model, probe, ownsModel: false)
    {
    }

    private DenoiserEncoder(LatentDenoiser model, ProbeRecipe probe, bool ownsModel) => (_model, _probe, _ownsModel) = (model, probe, ownsModel);

    /// <inheritdoc/>
    public IBackend Backend => _model.Backend;

    /// <inheritdoc/>
    public int ImageSize => _model.Recipe.Data.ImageSize;

    /// <inheritdoc/>
    public int Width => _model.Network.Shape.Width;

    /// <inheritdoc/>
    public PixelRange Range => PixelRange.Of(_model.Recipe.Data.Range);

    /// <inheritdoc/>
    public Tensor Tokens(Tape tape, Tensor images, long firstImage)
    {
        var levels = Levels(images.Shape[0]);
        var tokens = _model.Tokenizer.Tokens(tape, images);
        var seesOriginal = _probe.Input == ProbeInput.Original && _model.Recipe.Objective.Input == InputSpace.Pixels;
        var input = seesOriginal ? tokens : _model.Objective().Noise(tape, tokens, levels, 0, firstImage);
        var block = _probe.Block > 0 ? _probe.Block : _model.Recipe.Network.EncoderDepth;
        return _model.Network.Encode(tape, input, levels.T, block, levels.Labels);
    }

    /// <inheritdoc/>
    public long PassBytes(int images) => PassPlan.Bytes(_model, images, (model, tape, batch, _) =>
    {
        using var encoder = new DenoiserEncoder(model, _probe);
        tape.WithoutRecording(() => [((IEncoder)encoder).Features(tape, batch, 0)]);
    });

    /// <inheritdoc/>
    public VitWeights ToVit() => VitFolding.Fold(_model, _probe);

    /// <inheritdoc/>
    public IEncoder Random(ulong seed)
    {
        var recipe = _model.Recipe with { Train = _model.Recipe.Train with { Seed = seed } };
        var random = new LatentDenoiser(Backend, recipe, _model.FittedTokenizer!);
        random.Network.OpenGates();
        return new DenoiserEncoder(random, _probe, ownsModel: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _levels?.Dispose();
        if (_ownsModel)
        {
            _model.Dispose();
        }
    }

    private NoiseLevels Levels(int images)
    {
        if (_levels?.T.Shape[0] == images)
        {
            return _levels;
        }

        _levels?.Dispose();
        _levels = new NoiseLevels(Backend, images, _model.LabelColumns);

        // A probe must not see the answer: a network that sees the class sees that there is none.
        _model.TellLabels(_levels, new int?[images]);
        var (schedule, noised) = (_model.Schedule, _probe.Input == ProbeInput.Noised);
        _levels.Set(Same(_probe.Time), Same(noised ? schedule.Gamma(_probe.Time) : 1), Same(noised ? schedule.Sigma(_probe.Time) : 0), Same(1));
        return _levels;

        double[] Same(double value) => [.. Enumerable.Repeat(value, images)];
    }
}
