using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Objectives;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Evaluation;

/// <summary>What a denoiser makes of noised images: each image clean, projected on the kept components, noised, and denoised.</summary>
public sealed class Reconstruction : IDisposable
{
    private const int BatchSize = 32;

    private readonly LatentDenoiser _model;
    private readonly StepArena _arena;
    private readonly PersistentTensor _images;
    private readonly NoiseLevels _none, _some;
    private readonly ulong _seed;

    /// <summary>Plans and allocates the memory of a pass.</summary>
    /// <param name="model">The denoiser.</param>
    /// <param name="sigma">Noise, in standard deviations of the latents; the level whose noise is nearest tells the network its time step.</param>
    /// <param name="seed">Seed of the noise.</param>
    public Reconstruction(LatentDenoiser model, double sigma, ulong seed)
    {
        (_model, _seed) = (model, seed);
        var side = model.Recipe.Data.ImageSize;
        _images = new PersistentTensor(model.Backend, new Shape(BatchSize, side, side, 3), DType.U8);
        _none = new NoiseLevels(model.Backend, BatchSize);
        _some = new NoiseLevels(model.Backend, BatchSize);
        Level = NearestLevel(model, sigma);
        Set(_none, 0, 1, 0);
        Set(_some, Level, model.Schedule.Gamma(Level), sigma);
        var bytes = PassPlan.Bytes(model, BatchSize, (m, tape, images, levels) => Pass(m, tape, images, levels, levels, 0));
        _arena = new StepArena(model.Backend, bytes, Trainer.DefaultMode);
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
        foreach (var batch in CenterBatches.Read(source, indices, _model.Recipe.Data.ImageSize, BatchSize, workers, bad, cancellation))
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
        _none.Dispose();
        _some.Dispose();
    }

    private static int NearestLevel(LatentDenoiser model, double sigma) =>
        Enumerable.Range(1, model.Schedule.Levels).MinBy(t => Math.Abs(model.Schedule.Sigma(t) - sigma));

    private static void Set(NoiseLevels levels, double t, double gamma, double sigma)
    {
        static double[] Same(double value) => [.. Enumerable.Repeat(value, BatchSize)];
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
            var images = passed.Select(p => ToPixels(p, i)).ToArray();
            results[i] = new ReconstructedImage(
                batch.Indices[i],
                [.. images.Select(ToBytes)],
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
            var clean = Patchify.Apply(tape, images, model.Recipe.Tokenizer.Patch, model.Range);
            var objective = new LatentDenoising(model.Network, model.Space, model.Recipe.Tokenizer.Patch, model.Range, _seed);
            var noised = objective.Noise(tape, clean, some, 0, firstImage);
            return [clean, objective.Noise(tape, clean, none, 0, firstImage), noised, model.Network.Predict(tape, noised, some.T)];
        });

    /// <summary>The pixels of an image of a batch in [-1, 1], from patches in the recipe's range.</summary>
    private float[] ToPixels(float[] patches, int image)
    {
        var (side, patch) = (_model.Recipe.Data.ImageSize, _model.Recipe.Tokenizer.Patch);
        var range = LatentDenoiser.RangeOf(_model.Recipe);
        var grid = side / patch;
        var pixels = new float[side * side * 3];
        var at = image * pixels.Length;
        for (var token = 0; token < grid * grid; token++)
        {
            for (var i = 0; i < patch * patch * 3; i++, at++)
            {
                int c = i % 3, x = (token % grid * patch) + (i / 3 % patch), y = (token / grid * patch) + (i / (3 * patch));
                var level = (patches[at] - range.Offset[c]) / range.Factor[c];
                pixels[(((y * side) + x) * 3) + c] = (float)((level / 127.5) - 1);
            }
        }

        return pixels;
    }

    private static byte[] ToBytes(float[] pixels) => [.. pixels.Select(p => (byte)Math.Clamp(MathF.Round((p + 1) * 127.5f), 0, 255))];
}
