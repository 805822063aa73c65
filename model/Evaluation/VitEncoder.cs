using LDaeCore.Engine.Backends;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Evaluation;

/// <summary>A ViT from elsewhere; its control is the same network at a random start.</summary>
/// <param name="backend">The device.</param>
/// <param name="weights">The ViT.</param>
/// <param name="blocks">Blocks after which it is read; all when left out.</param>
/// <param name="holdOut">Share of the training images held out for a probe's choices.</param>
/// <param name="seed">Seed of the control.</param>
public sealed class VitEncoder(IBackend backend, VitWeights weights, int? blocks, double holdOut, ulong seed) : IProbedEncoder
{
    /// <inheritdoc/>
    public int ImageSize => weights.Configuration.ImageSize;

    /// <inheritdoc/>
    public PixelRange Range => weights.Configuration.Range;

    /// <inheritdoc/>
    public double HoldOut => holdOut;

    /// <inheritdoc/>
    public FeatureExtractor Open() => Extractor(network => network.Load(weights));

    /// <inheritdoc/>
    public FeatureExtractor OpenRandom() => Extractor(network => network.Initialize(seed));

    private FeatureExtractor Extractor(Action<VisionTransformer> fill)
    {
        var network = new VisionTransformer(backend, weights.Configuration, blocks);
        fill(network);
        return new FeatureExtractor(network) { Owned = network };
    }
}
