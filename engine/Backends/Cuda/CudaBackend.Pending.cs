using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Primitives whose kernels are on other branches; this file goes when they are merged.</content>
#pragma warning disable CS1591
public sealed unsafe partial class CudaBackend
{
    internal nint StepScalars => _stepScalars;

    public void Add(Tensor x, Tensor result, bool accumulate) => throw new NotSupportedException();

    public void Scale(Tensor tensor, Tensor factor) => throw new NotSupportedException();

    public void SumRows(Tensor x, Tensor result, bool accumulate) => throw new NotSupportedException();

    public void GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) => throw new NotSupportedException();

    public void Silu(Tensor x, Tensor y) => throw new NotSupportedException();

    public void SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate) => throw new NotSupportedException();

    public void LayerNorm(in LayerNormArgs args) => throw new NotSupportedException();

    public void LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients) => throw new NotSupportedException();

    public void Attention(in AttentionArgs args) => throw new NotSupportedException();

    public void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv) => throw new NotSupportedException();

    public void TimestepEmbedding(Tensor t, Tensor y) => throw new NotSupportedException();

    public void MeanPool(Tensor x, Tensor y) => throw new NotSupportedException();

    public void MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate) => throw new NotSupportedException();

    public void BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd) => throw new NotSupportedException();

    public void BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate) => throw new NotSupportedException();

    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits) => throw new NotSupportedException();

    public void PcaLoss(in PcaLossArgs args) => throw new NotSupportedException();

    public void Patchify(Tensor images, int patch, Tensor range, Tensor patches) => throw new NotSupportedException();

    public void LatentNoise(in LatentNoiseArgs args) => throw new NotSupportedException();

    public void AdamW(in AdamWArgs args) => throw new NotSupportedException();

    public void Ema(Tensor values, double decay, Tensor average) => throw new NotSupportedException();

    public void GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale) => throw new NotSupportedException();

    public void Sgd(in SgdArgs args) => throw new NotSupportedException();
}
