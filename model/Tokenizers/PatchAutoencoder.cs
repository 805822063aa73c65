using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Objectives;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Tokenizers;

/// <summary>
/// The paper's patch-wise autoencoder and variational autoencoder (section 4.2): encoder and decoder are one linear layer each, with
/// the loss |p - U (V p + b) - c|^2 / D, and for the variational one w KL[N(V p + b, diag(r^2)) | N(0, I)] / D, where the decoder reads a sample.
/// <para>
/// The posterior's variances belong to the latents and not to the patches, which loses nothing where the decoder is linear: the expected error is
/// |p - U mu - c|^2 + sum_i r_i^2 |u_i|^2, so the best variance is the same for every patch, r_i^2 = w / (w + 2 |u_i|^2). It is set there before each
/// step, and what is left to the gradient is the mean.
/// </para>
/// </summary>
public sealed class PatchAutoencoder : ITrainableTokenizer
{
    private readonly IBackend _backend;
    private readonly TokenizerRecipe _recipe;
    private readonly PixelRange _range;
    private readonly ulong _seed;
    private readonly LinearLayer _encoder, _decoder;
    private readonly PersistentTensor _rangeTensor;
    private readonly LatentSpace _posterior;
    private NoiseLevels? _levels;
    private double _divergence;

    /// <summary>Declares the two layers and allocates them; they start from the seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">Kind patchAe or patchVae, d, side of a patch, weight of the divergence.</param>
    /// <param name="range">From bytes to values.</param>
    /// <param name="seed">Seed of the start and of the noise.</param>
    public PatchAutoencoder(IBackend backend, TokenizerRecipe recipe, PixelRange range, ulong seed)
    {
        (_backend, _recipe, _range, _seed) = (backend, recipe, range, seed);
        Parameters = new ParameterSet(backend);
        _encoder = new LinearLayer(Parameters, "encoder", recipe.PatchValues, recipe.Dim);
        _decoder = new LinearLayer(Parameters, "decoder", recipe.Dim, recipe.PatchValues);
        Parameters.Allocate();
        Parameters.Initialize(seed);
        _rangeTensor = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _rangeTensor.Tensor.Write(backend, range.ToArray());
        _posterior = new LatentSpace(backend, new double[recipe.Dim], [], [.. Enumerable.Repeat(1.0, recipe.Dim)]);
    }

    /// <inheritdoc/>
    public ParameterSet Parameters { get; }

    /// <summary>Whether it is the variational one.</summary>
    public bool IsVariational => _recipe.Kind == TokenizerKind.PatchVae;

    /// <inheritdoc/>
    public void BeginStep()
    {
        if (!IsVariational)
        {
            return;
        }

        var (decoder, dim) = (_decoder.Weight.Value.ReadDoubles(_backend), _recipe.Dim);
        var square = new double[dim];
        for (var i = 0; i < decoder.Length; i++)
        {
            square[i % dim] += decoder[i] * decoder[i];
        }

        var variance = Array.ConvertAll(square, s => _recipe.KlWeight / (_recipe.KlWeight + (2 * s)));
        _posterior.Std.Write(_backend, Array.ConvertAll(variance, Math.Sqrt));
        _divergence = variance.Sum(v => v - Math.Log(v) - 1) / (2 * _recipe.PatchValues);
    }

    /// <inheritdoc/>
    public IReadOnlyList<TokenizerTerm> Loss(Tape tape, Tensor images, uint step, long firstImage)
    {
        var levels = Levels(images.Shape[0]);
        var patches = Patchify.Apply(tape, images, _recipe.Patch, _rangeTensor.Tensor);
        var (batch, tokens) = (patches.Shape[0], patches.Shape[1]);
        var mean = _encoder.Apply(tape, patches);
        var sample = IsVariational ? Linear.Apply(tape, patches, _encoder.Weight.Value, _encoder.Bias.Value, residual: Noise(tape, mean, levels, step, firstImage)) : mean;
        var decoded = _decoder.Apply(tape, sample).Reshape(batch, tokens, _recipe.PatchValues);
        var error = new TokenizerTerm("reconstruction", 1, SquaredError.Apply(tape, decoded, patches));
        if (!IsVariational)
        {
            return [error];
        }

        var zero = tape.New(mean.Shape);
        _backend.Fill(zero, 0);
        var share = _recipe.Dim / (2.0 * _recipe.PatchValues);
        var square = SquaredError.Apply(tape, mean, zero, scale: share);
        return [error, new TokenizerTerm("kl", _recipe.KlWeight, square, _divergence)];
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
        _levels?.Dispose();
        _posterior.Dispose();
        _rangeTensor.Dispose();
        Parameters.Dispose();
    }

    /// <summary>r_i n_i: the part of a sample that the mean is not.</summary>
    private Tensor Noise(Tape tape, Tensor mean, NoiseLevels levels, uint step, long firstImage)
    {
        var zero = tape.New(mean.Shape);
        _backend.Fill(zero, 0);
        return LatentNoise.Apply(tape, new LatentNoiseArgs(zero, _posterior.Mean, _posterior.Basis, _posterior.Std, levels.Zero, levels.One)
        {
            Seed = _seed,
            Step = step,
            FirstImage = firstImage,
        });
    }

    private NoiseLevels Levels(int images)
    {
        if (_levels?.One.Shape[0] != images)
        {
            _levels?.Dispose();
            _levels = new NoiseLevels(_backend, images);
        }

        return _levels;
    }

    private (double[] Weight, double[] Bias) Read(LinearLayer layer) =>
        (layer.Weight.Value.ReadDoubles(_backend), layer.Bias.Value.ReadDoubles(_backend));
}
