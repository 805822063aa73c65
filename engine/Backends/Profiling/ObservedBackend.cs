using System.Diagnostics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>A backend around another that is told after each primitive what it was and what it wrote: no hook in the maths is needed.</summary>
/// <param name="inner">Who computes; it outlives this.</param>
public abstract class ObservedBackend(IBackend inner) : IBackend
{
    /// <inheritdoc/>
    public DeviceKind Kind => inner.Kind;

    /// <inheritdoc/>
    public DType ActivationType => inner.ActivationType;

    /// <inheritdoc/>
    public DType ParameterType => inner.ParameterType;

    /// <inheritdoc/>
    public long WorkspaceBytes => inner.WorkspaceBytes;

    /// <inheritdoc/>
    public void Prepare(Action work) => inner.Prepare(work);

    /// <inheritdoc/>
    public Storage Allocate(long bytes) => inner.Allocate(bytes);

    /// <inheritdoc/>
    public void Synchronize() => inner.Synchronize();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged
    {
        var start = Stopwatch.GetTimestamp();
        inner.Upload(values, to);
        After(nameof(Upload), start, to);
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged
    {
        var start = Stopwatch.GetTimestamp();
        inner.Download(from, values);
        After(nameof(Download), start);
    }

    /// <inheritdoc/>
    public void Fill(Tensor tensor, double value)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Fill(tensor, value);
        After(nameof(Fill), start, tensor);
    }

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Copy(from, to);
        After(nameof(Copy), start, to);
    }

    /// <inheritdoc/>
    public void Add(Tensor x, Tensor result, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Add(x, result, accumulate);
        After(nameof(Add), start, result);
    }

    /// <inheritdoc/>
    public void Scale(Tensor tensor, Tensor factor)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Scale(tensor, factor);
        After(nameof(Scale), start, tensor);
    }

    /// <inheritdoc/>
    public void MatMul(in MatMulArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.MatMul(in args);
        After(nameof(MatMul), start, args.C, args.PreActivation);
    }

    /// <inheritdoc/>
    public void SumRows(Tensor x, Tensor result, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SumRows(x, result, accumulate);
        After(nameof(SumRows), start, result);
    }

    /// <inheritdoc/>
    public void GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GeluBackward(dy, x, dx, accumulate);
        After(nameof(GeluBackward), start, dx);
    }

    /// <inheritdoc/>
    public void GeluErf(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GeluErf(x, y);
        After(nameof(GeluErf), start, y);
    }

    /// <inheritdoc/>
    public void GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GeluErfBackward(dy, x, dx, accumulate);
        After(nameof(GeluErfBackward), start, dx);
    }

    /// <inheritdoc/>
    public void Silu(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Silu(x, y);
        After(nameof(Silu), start, y);
    }

    /// <inheritdoc/>
    public void SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SiluBackward(dy, x, dx, accumulate);
        After(nameof(SiluBackward), start, dx);
    }

    /// <inheritdoc/>
    public void LayerNorm(in LayerNormArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LayerNorm(in args);
        After(nameof(LayerNorm), start, args.H, args.Y, args.Mean, args.Rstd);
    }

    /// <inheritdoc/>
    public void LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LayerNormBackward(in args, in gradients);
        After(
            nameof(LayerNormBackward), start, gradients.DX, gradients.DBranch, gradients.DGate?.Table, gradients.DShift?.Table, gradients.DScale?.Table, gradients.DWeight,
            gradients.DBias);
    }

    /// <inheritdoc/>
    public void Attention(in AttentionArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Attention(in args);
        After(nameof(Attention), start, args.Output, args.LogSumExp);
    }

    /// <inheritdoc/>
    public void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv)
    {
        var start = Stopwatch.GetTimestamp();
        inner.AttentionBackward(in args, dOutput, dQkv);
        After(nameof(AttentionBackward), start, dQkv);
    }

    /// <inheritdoc/>
    public void Convolution(in ConvolutionArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Convolution(in args);
        After(nameof(Convolution), start, args.Y);
    }

    /// <inheritdoc/>
    public void ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.ConvolutionInputGradient(in args, dy, dx, accumulate);
        After(nameof(ConvolutionInputGradient), start, dx);
    }

    /// <inheritdoc/>
    public void ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.ConvolutionWeightGradient(in args, dy, dWeight, accumulate);
        After(nameof(ConvolutionWeightGradient), start, dWeight);
    }

    /// <inheritdoc/>
    public void GroupNorm(in GroupNormArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GroupNorm(in args);
        After(nameof(GroupNorm), start, args.Y, args.Mean, args.Rstd);
    }

    /// <inheritdoc/>
    public void GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GroupNormBackward(in args, in gradients);
        After(nameof(GroupNormBackward), start, gradients.DX, gradients.DWeight, gradients.DBias);
    }

    /// <inheritdoc/>
    public void Upsample(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Upsample(x, y);
        After(nameof(Upsample), start, y);
    }

    /// <inheritdoc/>
    public void UpsampleBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.UpsampleBackward(dy, dx, accumulate);
        After(nameof(UpsampleBackward), start, dx);
    }

    /// <inheritdoc/>
    public void ToPatches(Tensor image, int patch, Tensor patches, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.ToPatches(image, patch, patches, accumulate);
        After(nameof(ToPatches), start, patches);
    }

    /// <inheritdoc/>
    public void FromPatches(Tensor patches, int patch, Tensor image, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.FromPatches(patches, patch, image, accumulate);
        After(nameof(FromPatches), start, image);
    }

    /// <inheritdoc/>
    public void TimestepEmbedding(Tensor t, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.TimestepEmbedding(t, y);
        After(nameof(TimestepEmbedding), start, y);
    }

    /// <inheritdoc/>
    public void MeanPool(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.MeanPool(x, y);
        After(nameof(MeanPool), start, y);
    }

    /// <inheritdoc/>
    public void MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.MeanPoolBackward(dy, dx, accumulate);
        After(nameof(MeanPoolBackward), start, dx);
    }

    /// <inheritdoc/>
    public void GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GatherRows(x, index, fill, y, accumulate);
        After(nameof(GatherRows), start, y);
    }

    /// <inheritdoc/>
    public void BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd)
    {
        var start = Stopwatch.GetTimestamp();
        inner.BatchNorm(x, y, mean, rstd);
        After(nameof(BatchNorm), start, y, mean, rstd);
    }

    /// <inheritdoc/>
    public void BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.BatchNormBackward(dy, y, rstd, dx, accumulate);
        After(nameof(BatchNormBackward), start, dx);
    }

    /// <inheritdoc/>
    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SoftmaxCrossEntropy(logits, labels, loss, dLogits);
        After(nameof(SoftmaxCrossEntropy), start, loss, dLogits);
    }

    /// <inheritdoc/>
    public void SquaredError(in SquaredErrorArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SquaredError(in args);
        After(nameof(SquaredError), start, args.Loss, args.DPrediction);
    }

    /// <inheritdoc/>
    public void PcaLoss(in PcaLossArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.PcaLoss(in args);
        After(nameof(PcaLoss), start, args.Loss, args.DPrediction);
    }

    /// <inheritdoc/>
    public void Patchify(Tensor images, int patch, Tensor range, Tensor patches)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Patchify(images, patch, range, patches);
        After(nameof(Patchify), start, patches);
    }

    /// <inheritdoc/>
    public void LatentNoise(in LatentNoiseArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LatentNoise(in args);
        After(nameof(LatentNoise), start, args.Noisy, args.Latents);
    }

    /// <inheritdoc/>
    public void LatentNoiseFromImages(Tensor images, int patch, Tensor range, in LatentNoiseArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LatentNoiseFromImages(images, patch, range, in args);
        After(nameof(LatentNoiseFromImages), start, args.Clean, args.Noisy, args.Latents);
    }

    /// <inheritdoc/>
    public ICovarianceSums SumCovariance(int dimensions) => inner.SumCovariance(dimensions);

    /// <inheritdoc/>
    public void GaussianLatent(in GaussianLatentArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GaussianLatent(in args);
        After(nameof(GaussianLatent), start, args.Latents, args.Divergence);
    }

    /// <inheritdoc/>
    public void GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GaussianLatentBackward(in args, in gradients);
        After(nameof(GaussianLatentBackward), start, gradients.DMean, gradients.DLogVariance);
    }

    /// <inheritdoc/>
    public void AdamW(in AdamWArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.AdamW(in args);
        After(nameof(AdamW), start, args.Values, args.FirstMoment, args.SecondMoment, args.Average);
    }

    /// <inheritdoc/>
    public void Ema(Tensor values, double decay, Tensor average)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Ema(values, decay, average);
        After(nameof(Ema), start, average);
    }

    /// <inheritdoc/>
    public void GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GlobalNorm(x, limit, norm, scale);
        After(nameof(GlobalNorm), start, norm, scale);
    }

    /// <inheritdoc/>
    public void Sgd(in SgdArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Sgd(in args);
        After(nameof(Sgd), start, args.Values, args.Velocity);
    }

    /// <summary>Ends the observing.</summary>
    /// <param name="disposing">True, as there is no finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        // The backend inside belongs to whoever made it.
    }

    /// <summary>Told after each primitive.</summary>
    /// <param name="primitive">Its name.</param>
    /// <param name="start">The stopwatch's time stamp of its start.</param>
    /// <param name="results">The tensors it wrote; null for those that were not wanted.</param>
    protected abstract void After(string primitive, long start, params ReadOnlySpan<Tensor?> results);
}
