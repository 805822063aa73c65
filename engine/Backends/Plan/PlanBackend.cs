using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Plan;

/// <summary>
/// A device without memory and without arithmetic. Walking a training step on it with a planning arena gives the step's exact
/// memory from shapes alone, in milliseconds, whatever the size of the network.
/// </summary>
/// <param name="activationType">Element type of activations on the device that is planned for.</param>
/// <param name="parameterType">Element type of parameters there.</param>
public sealed class PlanBackend(DType activationType, DType parameterType) : IBackend
{
    /// <inheritdoc/>
    public DeviceKind Kind => DeviceKind.Plan;

    /// <inheritdoc/>
    public DType ActivationType { get; } = activationType;

    /// <inheritdoc/>
    public DType ParameterType { get; } = parameterType;

    /// <inheritdoc/>
    public long WorkspaceBytes => 0;

    /// <inheritdoc/>
    public Storage Allocate(long bytes) => new NoStorage(bytes);

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged
    {
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged => values.Clear();

    /// <inheritdoc/>
    public void Fill(Tensor tensor, double value)
    {
    }

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to)
    {
    }

    /// <inheritdoc/>
    public void Add(Tensor x, Tensor result, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void Scale(Tensor tensor, Tensor factor)
    {
    }

    /// <inheritdoc/>
    public void MatMul(in MatMulArgs args) => args.Check();

    /// <inheritdoc/>
    public void SumRows(Tensor x, Tensor result, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void GeluErf(Tensor x, Tensor y)
    {
    }

    /// <inheritdoc/>
    public void GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void Silu(Tensor x, Tensor y)
    {
    }

    /// <inheritdoc/>
    public void SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void LayerNorm(in LayerNormArgs args)
    {
    }

    /// <inheritdoc/>
    public void LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients)
    {
    }

    /// <inheritdoc/>
    public void Attention(in AttentionArgs args)
    {
    }

    /// <inheritdoc/>
    public void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv)
    {
    }

    /// <inheritdoc/>
    public void Convolution(in ConvolutionArgs args) => args.Check();

    /// <inheritdoc/>
    public void ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate) => args.Check();

    /// <inheritdoc/>
    public void ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate) => args.Check();

    /// <inheritdoc/>
    public void GroupNorm(in GroupNormArgs args) => args.Check();

    /// <inheritdoc/>
    public void GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients)
    {
    }

    /// <inheritdoc/>
    public void Upsample(Tensor x, Tensor y)
    {
    }

    /// <inheritdoc/>
    public void UpsampleBackward(Tensor dy, Tensor dx, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void ToPatches(Tensor image, int patch, Tensor patches, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void FromPatches(Tensor patches, int patch, Tensor image, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void TimestepEmbedding(Tensor t, Tensor y)
    {
    }

    /// <inheritdoc/>
    public void MeanPool(Tensor x, Tensor y)
    {
    }

    /// <inheritdoc/>
    public void MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd)
    {
    }

    /// <inheritdoc/>
    public void BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate)
    {
    }

    /// <inheritdoc/>
    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
    {
    }

    /// <inheritdoc/>
    public void SquaredError(in SquaredErrorArgs args)
    {
    }

    /// <inheritdoc/>
    public void PcaLoss(in PcaLossArgs args)
    {
    }

    /// <inheritdoc/>
    public void Patchify(Tensor images, int patch, Tensor range, Tensor patches)
    {
    }

    /// <inheritdoc/>
    public void LatentNoise(in LatentNoiseArgs args)
    {
    }

    /// <inheritdoc/>
    public void GaussianLatent(in GaussianLatentArgs args)
    {
    }

    /// <inheritdoc/>
    public void GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients)
    {
    }

    /// <inheritdoc/>
    public void AdamW(in AdamWArgs args)
    {
    }

    /// <inheritdoc/>
    public void Ema(Tensor values, double decay, Tensor average)
    {
    }

    /// <inheritdoc/>
    public void GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale)
    {
    }

    /// <inheritdoc/>
    public void Sgd(in SgdArgs args)
    {
    }

    /// <inheritdoc/>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class NoStorage(long bytes) : Storage(HostStorage.Alignment, bytes)
    {
        protected override void Free()
        {
        }
    }
}
