namespace LDaeCore.Engine.Ops;

/// <summary>All op cases, for the tests and the bench.</summary>
public static class OpCatalog
{
    /// <summary>Every case of every op.</summary>
    public static IReadOnlyList<OpCase> All { get; } =
    [
        .. Linear.Cases, .. Normalization.Cases, .. Attention.Cases, .. PatchEmbed.Cases, .. Silu.Cases, .. GeluErf.Cases, .. MeanPool.Cases,
        .. BatchNormalization.Cases, .. SoftmaxCrossEntropy.Cases, .. PcaLoss.Cases, .. SquaredError.Cases, .. LatentNoise.Cases, .. Patchify.Cases,
        .. TimestepEmbedding.Cases, .. OptimizerSteps.Cases, .. Convolution.Cases, .. GroupNormalization.Cases, .. Upsample.Cases,
        .. PatchGrid.Cases, .. GatherRows.Cases, .. GaussianLatent.Cases,
    ];
}
