using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// What a trained network, whatever it sees and predicts, says of the clean latents behind noisy ones, all of one time step:
/// the prediction itself; (z_t - sigma n) / gamma where it is the noise; the latents of the image where it is an image.
/// </summary>
public sealed class LatentEstimate : IDisposable
{
    private readonly LatentDenoiser _model;
    private readonly IBackend _backend;
    private readonly Shape _shape;
    private readonly NoiseLevels _levels;
    private readonly PersistentTensor _signal, _noise, _latents;
    private readonly StepArena _arena;

    /// <summary>Plans and allocates the memory of a pass.</summary>
    /// <param name="model">The denoiser.</param>
    /// <param name="images">Images of a pass.</param>
    public LatentEstimate(LatentDenoiser model, int images)
    {
        (_model, _backend) = (model, model.Backend);
        Images = images;
        _shape = new Shape(images, model.Network.Shape.Tokens, model.Tokenizer.Dim);
        _levels = new NoiseLevels(_backend, images, model.LabelColumns);
        (_signal, _noise) = Factors(_backend);
        _latents = new PersistentTensor(_backend, _shape, _backend.ActivationType);
        var bytes = Math.Max(
            PassPlan.Bytes(model, images, (m, tape, _, levels) => Pass(m, tape, levels)),
            PassPlan.Bytes(model, images, (m, tape, _, _) => Decoded(m, tape)));
        _arena = new StepArena(_backend, bytes, StepArena.DefaultMode);
    }

    /// <summary>Images of a pass.</summary>
    public int Images { get; }

    /// <summary>Latents of an image.</summary>
    public int ImageLatents => _shape.Columns * _shape[1];

    /// <summary>Estimates the clean latents.</summary>
    /// <param name="noisy">z_t [Images, T, d].</param>
    /// <param name="t">Time step of all of them; its gamma is above zero.</param>
    /// <param name="labels">Class of each image for the network's conditioning; null hides it.</param>
    /// <returns>[Images, T, d].</returns>
    public double[] Clean(double[] noisy, int t, IReadOnlyList<int?> labels)
    {
        _latents.Tensor.Write(_backend, noisy);
        _model.SetLevels(_levels, [.. Enumerable.Repeat(t, Images)]);
        _model.TellLabels(_levels, labels);
        Set(_backend, _signal, _noise, _model.Schedule.Gamma(t), _model.Schedule.Sigma(t));
        var clean = Pass(_model, new Tape(_backend, _arena), _levels).ReadDoubles(_backend);
        _arena.Reset();
        return clean;
    }

    /// <summary>Decodes latents into images.</summary>
    /// <param name="latents">[Images, T, d].</param>
    /// <returns>Images [side, side, 3].</returns>
    public byte[][] Decode(double[] latents)
    {
        _latents.Tensor.Write(_backend, latents);
        var patches = Decoded(_model, new Tape(_backend, _arena)).ReadFloats(_backend);
        _arena.Reset();
        var (side, range) = (_model.Recipe.Data.ImageSize, PixelRange.Of(_model.Recipe.Data.Range));
        return [.. Enumerable.Range(0, Images).Select(i => PatchImage.Bytes(PatchImage.Pixels(patches, i, side, _model.Tokenizer.PixelPatch, range)))];
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _arena.Dispose();
        _levels.Dispose();
        _signal.Dispose();
        _noise.Dispose();
        _latents.Dispose();
    }

    /// <summary>The two factors of (z_t - sigma n) / gamma on a device.</summary>
    internal static (PersistentTensor Signal, PersistentTensor Noise) Factors(IBackend backend) =>
        (new PersistentTensor(backend, new Shape(1), backend.ParameterType), new PersistentTensor(backend, new Shape(1), backend.ParameterType));

    /// <summary>Sets the factors: 1 / gamma and -sigma / gamma.</summary>
    internal static void Set(IBackend backend, PersistentTensor signal, PersistentTensor noise, double gamma, double sigma)
    {
        signal.Tensor.Write(backend, [1 / gamma]);
        noise.Tensor.Write(backend, [-sigma / gamma]);
    }

    /// <summary>The estimate on the device.</summary>
    internal static Tensor Clean(LatentDenoiser model, Tape tape, Tensor noisy, NoiseLevels levels, Tensor signal, Tensor noise)
    {
        var (backend, objective) = (tape.Backend, model.Recipe.Objective);
        var input = objective.Input == InputSpace.Latent ? noisy : model.Tokenizer.Decode(tape, noisy);
        var prediction = model.Network.Predict(tape, input, levels.T, levels.Labels);
        if (objective.Output != OutputSpace.Latent)
        {
            var space = model.Space;
            return LatentNoise.Latents(tape, new LatentNoiseArgs(prediction, space.Mean, space.Basis, space.Std, levels.One, levels.Zero) { Seed = 0, Step = 0 });
        }

        if (objective.Target == PredictionTarget.Noise)
        {
            var kept = tape.New(noisy.Shape);
            backend.Copy(noisy, kept);
            backend.Scale(kept, signal);
            backend.Scale(prediction, noise);
            backend.Add(kept, prediction, accumulate: true);
        }

        return prediction;
    }

    private Tensor Pass(LatentDenoiser model, Tape tape, NoiseLevels levels) =>
        tape.WithoutRecording(() => [Clean(model, tape, _latents.Tensor, levels, _signal.Tensor, _noise.Tensor)])[0];

    private Tensor Decoded(LatentDenoiser model, Tape tape) => tape.WithoutRecording(() => [model.Tokenizer.Decode(tape, _latents.Tensor)])[0];
}
