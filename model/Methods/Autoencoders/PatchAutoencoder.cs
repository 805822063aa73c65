using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// The paper's patch-wise autoencoder and variational autoencoder (section 4.2): encoder and decoder are one linear layer each, with
/// the loss |p - U (V p + b) - c|^2 / D, and for the variational one w KL[N(V p + b, diag(r^2)) | N(0, I)] / D, where the decoder reads a sample.
/// <para>
/// The posterior's variances belong to the latents and not to the patches, which loses nothing where the decoder is linear: the expected error is
/// |p - U mu - c|^2 + sum_i r_i^2 |u_i|^2, so the best variance is the same for every patch, r_i^2 = w / (w + 2 |u_i|^2). It is set there before each
/// step, and what is left to the gradient is the mean.
/// </para>
/// </summary>
public sealed class PatchAutoencoder : IAutoencoder
{
    private readonly TokenizerRecipe _recipe;
    private readonly PixelRange _range;
    private readonly ulong _seed;
    private readonly LinearLayer _encoder, _decoder;
    private readonly PersistentTensor _rangeTensor, _divergence;
    private readonly LatentSpace _posterior;
    private UnitFactors? _factors;

    /// <summary>Declares the two layers and allocates them; they start from the seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">Kind patchAe or patchVae, d, side of a patch, weight of the divergence, seed of the start and of the noise.</param>
    public PatchAutoencoder(IBackend backend, Recipe recipe)
    {
        (Backend, Recipe, _recipe, _range, _seed) = (backend, recipe, recipe.Tokenizer, PixelRange.Of(recipe.Data.Range), recipe.Train.Seed);
        Parameters = new ParameterSet(backend);
        (_encoder, _decoder) = Declare(Parameters, _recipe);
        Parameters.Allocate();
        Parameters.Initialize(_seed);
        _rangeTensor = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _rangeTensor.Tensor.Write(backend, _range.ToArray());
        _divergence = new PersistentTensor(backend, new Shape(1), backend.ParameterType);
        _posterior = new LatentSpace(backend, new double[_recipe.Dim], basis: null, [.. Enumerable.Repeat(1.0, _recipe.Dim)]);
        LossTerm reconstruction = new("loss_reconstruction"), divergence = new("loss_kl", _recipe.KlWeight);
        LossTerm[] terms = IsVariational ? [reconstruction, divergence] : [reconstruction];
        Phases = [new Phase("autoencoder", Parameters, terms, Loss)];
    }

    /// <inheritdoc/>
    public IBackend Backend { get; }

    /// <inheritdoc/>
    public Recipe Recipe { get; }

    /// <inheritdoc/>
    public MethodInput Input => new(Recipe.Data.ImageSize);

    /// <inheritdoc/>
    public IReadOnlyList<Phase> Phases { get; }

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Whether it is the variational one.</summary>
    public bool IsVariational => _recipe.Kind == TokenizerKind.PatchVae;

    /// <inheritdoc/>
    public IEncoder Encoder(ProbeRecipe probe) => new AutoencoderEncoder(this);

    /// <summary>The means of the latents.</summary>
    public Tensor Latents(Tape tape, Tensor images)
    {
        var patches = Patchify.Apply(tape, images, _recipe.Patch, _rangeTensor.Tensor);
        return _encoder.Apply(tape, patches).Reshape(patches.Shape[0], patches.Shape[1], _recipe.Dim);
    }

    /// <inheritdoc/>
    public void Allocate(int images) => Factors(images);

    /// <summary>Sets the posterior's variances to the best for the weights as they are now; no gradient reaches them.</summary>
    public void Sample(in StepDraw draw)
    {
        if (!IsVariational)
        {
            return;
        }

        var (decoder, dim) = (_decoder.Weight.Value.ReadDoubles(Backend), _recipe.Dim);
        var square = new double[dim];
        for (var i = 0; i < decoder.Length; i++)
        {
            square[i % dim] += decoder[i] * decoder[i];
        }

        var variance = Array.ConvertAll(square, s => _recipe.KlWeight / (_recipe.KlWeight + (2 * s)));
        _posterior.Std.Write(Backend, Array.ConvertAll(variance, Math.Sqrt));
        _divergence.Tensor.Write(Backend, [variance.Sum(v => v - Math.Log(v) - 1) / (2 * _recipe.PatchValues)]);
    }

    /// <inheritdoc/>
    public FittedTokenizer Finish(IEnumerable<ImageBatch> images)
    {
        var covariance = new Covariance(_recipe.PatchValues);
        foreach (var batch in images)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                var patches = PatchPixels.ExtractAll(batch.Image(i), batch.Side, _recipe.Patch, _range);
                covariance.Add(patches, patches.Length / _recipe.PatchValues);
            }
        }

        return PatchTokenizer.Of(_recipe.Kind, covariance, _recipe.Patch, _recipe.Scale, Read(_encoder), Read(_decoder));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _factors?.Dispose();
        _divergence.Dispose();
        _posterior.Dispose();
        _rangeTensor.Dispose();
        Parameters.Dispose();
    }

    /// <summary>Declares the two layers.</summary>
    internal static (LinearLayer Encoder, LinearLayer Decoder) Declare(ParameterSet parameters, TokenizerRecipe recipe) => (
        new LinearLayer(parameters, "encoder", recipe.PatchValues, recipe.Dim), new LinearLayer(parameters, "decoder", recipe.Dim, recipe.PatchValues));

    private IReadOnlyList<Tensor> Loss(Tape tape, MicroBatch batch)
    {
        var patches = Patchify.Apply(tape, batch.Images, _recipe.Patch, _rangeTensor.Tensor);
        var (images, tokens) = (patches.Shape[0], patches.Shape[1]);
        var mean = _encoder.Apply(tape, patches);
        var sample = IsVariational
            ? Linear.Apply(tape, patches, _encoder.Weight.Value, _encoder.Bias.Value, residual: Noise(tape, mean, batch.Step, batch.FirstImage))
            : mean;
        var decoded = _decoder.Apply(tape, sample).Reshape(images, tokens, _recipe.PatchValues);
        var error = SquaredError.Apply(tape, decoded, patches);
        if (!IsVariational)
        {
            return [error];
        }

        var zero = tape.New(mean.Shape);
        Backend.Fill(zero, 0);
        var divergence = SquaredError.Apply(tape, mean, zero, scale: _recipe.Dim / (2.0 * _recipe.PatchValues));

        // The variances' part of the divergence has no gradient: it only makes the reported value whole.
        Backend.Add(_divergence.Tensor, divergence, accumulate: true);
        return [error, divergence];
    }

    /// <summary>r_i n_i: the part of a sample that the mean is not.</summary>
    private Tensor Noise(Tape tape, Tensor mean, uint step, long firstImage)
    {
        var (zero, factors) = (tape.New(mean.Shape), Factors(mean.Shape[0]));
        Backend.Fill(zero, 0);
        return LatentNoise.Apply(tape, new LatentNoiseArgs(zero, _posterior.Mean, _posterior.Basis, _posterior.Std, factors.Zero, factors.One)
        {
            Seed = _seed,
            Step = step,
            FirstImage = firstImage,
        });
    }

    private UnitFactors Factors(int images)
    {
        if (_factors?.One.Shape[0] != images)
        {
            _factors?.Dispose();
            _factors = new UnitFactors(Backend, images);
        }

        return _factors;
    }

    private (double[] Weight, double[] Bias) Read(LinearLayer layer) =>
        (layer.Weight.Value.ReadDoubles(Backend), layer.Bias.Value.ReadDoubles(Backend));
}
