using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Model.Training;

/// <summary>A backend that counts native allocations and can be told to err.</summary>
internal class CountingBackend(IBackend inner) : IBackend
{
    public int Allocations { get; private set; }

    public DeviceKind Kind => inner.Kind;

    public DType ActivationType => inner.ActivationType;

    public DType ParameterType => inner.ParameterType;

    public long WorkspaceBytes => inner.WorkspaceBytes;

    public virtual Storage Allocate(long bytes)
    {
        Allocations++;
        return inner.Allocate(bytes);
    }

    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged => inner.Upload(values, to);

    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged => inner.Download(from, values);

    public void Fill(Tensor tensor, double value) => inner.Fill(tensor, value);

    public void Copy(Tensor from, Tensor to) => inner.Copy(from, to);

    public void Add(Tensor x, Tensor result, bool accumulate) => inner.Add(x, result, accumulate);

    public void Scale(Tensor tensor, Tensor factor) => inner.Scale(tensor, factor);

    public void MatMul(in MatMulArgs args) => inner.MatMul(args);

    public void SumRows(Tensor x, Tensor result, bool accumulate) => inner.SumRows(x, result, accumulate);

    public void GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) => inner.GeluBackward(dy, x, dx, accumulate);

    public void GeluErf(Tensor x, Tensor y) => inner.GeluErf(x, y);

    public void GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) => inner.GeluErfBackward(dy, x, dx, accumulate);

    public void Silu(Tensor x, Tensor y) => inner.Silu(x, y);

    public void SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) => inner.SiluBackward(dy, x, dx, accumulate);

    public void LayerNorm(in LayerNormArgs args) => inner.LayerNorm(args);

    public void LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients) => inner.LayerNormBackward(args, gradients);

    public void Attention(in AttentionArgs args) => inner.Attention(args);

    public virtual void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv) => inner.AttentionBackward(args, dOutput, dQkv);

    public void Convolution(in ConvolutionArgs args) => inner.Convolution(args);

    public void ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate) => inner.ConvolutionInputGradient(args, dy, dx, accumulate);

    public void ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate) => inner.ConvolutionWeightGradient(args, dy, dWeight, accumulate);

    public void GroupNorm(in GroupNormArgs args) => inner.GroupNorm(args);

    public void GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients) => inner.GroupNormBackward(args, gradients);

    public void Upsample(Tensor x, Tensor y) => inner.Upsample(x, y);

    public void UpsampleBackward(Tensor dy, Tensor dx, bool accumulate) => inner.UpsampleBackward(dy, dx, accumulate);

    public void ToPatches(Tensor image, int patch, Tensor patches, bool accumulate) => inner.ToPatches(image, patch, patches, accumulate);

    public void FromPatches(Tensor patches, int patch, Tensor image, bool accumulate) => inner.FromPatches(patches, patch, image, accumulate);

    public void TimestepEmbedding(Tensor t, Tensor y) => inner.TimestepEmbedding(t, y);

    public void MeanPool(Tensor x, Tensor y) => inner.MeanPool(x, y);

    public void MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate) => inner.MeanPoolBackward(dy, dx, accumulate);

    public void GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate) => inner.GatherRows(x, index, fill, y, accumulate);

    public void BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd) => inner.BatchNorm(x, y, mean, rstd);

    public void BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate) => inner.BatchNormBackward(dy, y, rstd, dx, accumulate);

    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits) => inner.SoftmaxCrossEntropy(logits, labels, loss, dLogits);

    public void SquaredError(in SquaredErrorArgs args) => inner.SquaredError(args);

    public void PcaLoss(in PcaLossArgs args) => inner.PcaLoss(args);

    public void Patchify(Tensor images, int patch, Tensor range, Tensor patches) => inner.Patchify(images, patch, range, patches);

    public void LatentNoise(in LatentNoiseArgs args) => inner.LatentNoise(args);

    public void GaussianLatent(in GaussianLatentArgs args) => inner.GaussianLatent(args);

    public void GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients) => inner.GaussianLatentBackward(args, gradients);

    public virtual void AdamW(in AdamWArgs args) => inner.AdamW(args);

    public void Ema(Tensor values, double decay, Tensor average) => inner.Ema(values, decay, average);

    public void GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale) => inner.GlobalNorm(x, limit, norm, scale);

    public void Sgd(in SgdArgs args) => inner.Sgd(args);

    public void Synchronize() => inner.Synchronize();

    public virtual void Dispose()
    {
    }
}
