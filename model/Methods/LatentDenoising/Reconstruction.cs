using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>What a denoiser makes of noised images: each image clean, projected on the kept components, noised, and denoised.</summary>
public sealed class Reconstruction : IDisposable
{
    private const int DefaultBatch = 32;

    private readonly int _batch;
    private readonly LatentDenoiser _model;
    private readonly StepArena _arena;
    private readonly PersistentTensor _images, _signal, _noise;
    private readonly NoiseLevels _none, _some;
    private readonly ulong _seed;

    /// <summary>Plans and allocates the memory of a pass.</summary>
    /// <param name="model">The denoiser.</param>
    /// <param name="sigma">Noise, in standard deviations of the latents; the level whose noise is nearest tells the network its time step.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="batch">Images of one pass.</param>
    public Reconstruction(LatentDenoiser model, double sigma, ulong seed, int batch = DefaultBatch)
    {
        (_model, _seed, _batch) = (model, seed, batch);
        var side = model.Recipe.Data.ImageSize;
        _images = new PersistentTensor(model.Backend, new Shape(_batch, side, side, 3), DType.U8);
        _none = new NoiseLevels(model.Backend, _batch, model.LabelColumns);
        _some = new NoiseLevels(model.Backend, _batch, model.LabelColumns);
        model.TellLabels(_some, new int?[_batch]);
        Level = NearestLevel(model, sigma);
        (_signal, _noise) = LatentEstimate.Factors(model.Backend);
        LatentEstimate.Set(model.Backend, _signal, _noise, model.Schedule.Gamma(Level), sigma);
        Set(_none, 0, 1, 0);
        Set(_some, Level, model.Schedule.Gamma(Level), sigma);
        var bytes = PassPlan.Bytes(model, _batch, (m, tape, images, levels) => Pass(m, tape, images, levels, levels, 0));
        _arena = new StepArena(model.Backend, bytes, StepArena.DefaultMode);
    }

    /// <summary>Time step that the network is told.</summary>
    public int Level { get; }

    /// <summary>Reconstructs images.</summary>
    /// <param name="source">The images.</param>
    /// <param name="indices">Which.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images, which are left out; none is allowed when not given.</param>
    /// <param name="cancellation">Asks to stop before the next batch.</param>
    /// <returns>One result an image.</returns>
    public IEnumerable<ReconstructedImage> Run(
        IImageSource source, int[] indices, int workers, BadSamples? bad = null, CancellationToken cancellation = default)
    {
        var done = 0;
        foreach (var batch in CenterBatches.Read(source, indices, _model.Recipe.Data.ImageSize, _batch, workers, bad, cancellation))
        {
            foreach (var image in Reconstruct(batch, done))
            {
                yield return image;
            }

            done += batch.Count;
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _arena.Dispose();
        _images.Dispose();
        _signal.Dispose();
        _noise.Dispose();
        _none.Dispose();
        _some.Dispose();
    }

    private static int NearestLevel(LatentDenoiser model, double sigma) =>
        Enumerable.Range(1, model.Schedule.Levels).Where(t => model.Schedule.Gamma(t) > 0).MinBy(t => Math.Abs(model.Schedule.Sigma(t) - sigma));

    private void Set(NoiseLevels levels, double t, double gamma, double sigma)
    {
        double[] Same(double value) => [.. Enumerable.Repeat(value, _batch)];
        levels.Set(Same(t), Same(gamma), Same(sigma), Same(1));
    }

    private ReconstructedImage[] Reconstruct(ImageBatch batch, long firstImage)
    {
        var backend = _model.Backend;
        var bytes = new byte[_images.Tensor.Bytes];
        batch.Filled.CopyTo(bytes);
        backend.Upload<byte>(bytes, _images.Tensor);
        var passed = Pass(_model, new Tape(backend, _arena), _images.Tensor, _none, _some, firstImage).Select(t => t.ReadFloats(backend)).ToArray();
        _arena.Reset();
        var results = new ReconstructedImage[batch.Count];
        for (var i = 0; i < results.Length; i++)
        {
            var images = passed.Select(p => PatchImage.Pixels(p, i, _model.Recipe.Data.ImageSize, _model.Tokenizer.PixelPatch, PixelRange.Of(_model.Recipe.Data.Range))).ToArray();
            results[i] = new ReconstructedImage(
                batch.Indices[i],
                [.. images.Select(PatchImage.Bytes)],
                Psnr.Of(images[1], images[0]),
                Psnr.Of(images[2], images[0]),
                Psnr.Of(images[3], images[0]));
        }

        return results;
    }

    /// <summary>Clean, projected, noised and denoised patches.</summary>
    private Tensor[] Pass(LatentDenoiser model, Tape tape, Tensor images, NoiseLevels none, NoiseLevels some, long firstImage) =>
        tape.WithoutRecording(() =>
        {
            var (objective, tokenizer) = (model.Objective(_seed), model.Tokenizer);
            var clean = Patchify.Apply(tape, images, tokenizer.PixelPatch, model.Range);
            var tokens = tokenizer.Tokens(tape, images);
            if (model.Recipe.Objective is { Input: InputSpace.Pixels, Output: not OutputSpace.Latent })
            {
                var noised = objective.Noise(tape, tokens, some, 0, firstImage);
                return [clean, objective.Noise(tape, tokens, none, 0, firstImage), noised, model.Network.Predict(tape, noised, some.T, some.Labels)];
            }

            // A network that lives in the latents is shown through the decoder.
            var space = tokenizer.Space;
            Tensor Latents(NoiseLevels levels) => LatentNoise.Latents(
                tape, new LatentNoiseArgs(tokens, space.Mean, space.Basis, space.Std, levels.Gamma, levels.Sigma) { Seed = _seed, Step = 0, FirstImage = firstImage });
            var noisy = Latents(some);
            var (shown, projected) = (tokenizer.Decode(tape, noisy), tokenizer.Decode(tape, Latents(none)));
            return [clean, projected, shown, tokenizer.Decode(tape, LatentEstimate.Clean(model, tape, noisy, some, _signal.Tensor, _noise.Tensor))];
        });
}

/// <summary>One image in four states, and how far three of them are from the clean one.</summary>
/// <param name="Index">Index of the image in its source.</param>
/// <param name="Pixels">Clean, projected, noised, denoised: each [side, side, 3].</param>
/// <param name="PsnrProjected">Peak signal-to-noise ratio of the projected image, dB.</param>
/// <param name="PsnrNoised">Of the noised image, dB.</param>
/// <param name="PsnrOutput">Of the denoised image, dB.</param>
public sealed record ReconstructedImage(int Index, byte[][] Pixels, double PsnrProjected, double PsnrNoised, double PsnrOutput);
