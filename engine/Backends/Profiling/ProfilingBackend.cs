using System.Diagnostics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>
/// A backend around another that times each primitive: a profiler without a single hook in the maths.
/// </summary>
/// <param name="inner">Who computes.</param>
/// <param name="trace">Gets each call as an event, or null.</param>
public sealed class ProfilingBackend(IBackend inner, TraceRecorder? trace = null) : IBackend
{
    private readonly Dictionary<string, (long Calls, long Ticks)> _times = [];
    private readonly int _track = trace?.Track(inner.Kind.ToString(), "primitives") ?? 0;

    /// <summary>Calls and seconds of each primitive since the start or the last <see cref="Clear"/>.</summary>
    public IEnumerable<(string Primitive, long Calls, double Seconds)> Times =>
        _times.Select(t => (t.Key, t.Value.Calls, (double)t.Value.Ticks / TimeSpan.TicksPerSecond));

    /// <inheritdoc/>
    public DeviceKind Kind => inner.Kind;

    /// <inheritdoc/>
    public DType ActivationType => inner.ActivationType;

    /// <inheritdoc/>
    public DType ParameterType => inner.ParameterType;

    /// <inheritdoc/>
    public long WorkspaceBytes => inner.WorkspaceBytes;

    /// <summary>Forgets all times.</summary>
    public void Clear() => _times.Clear();

    /// <inheritdoc/>
    public void Prepare(Action work) => inner.Prepare(work);

    /// <inheritdoc/>
    public Storage Allocate(long bytes) => inner.Allocate(bytes);

    /// <inheritdoc/>
    public void Synchronize() => inner.Synchronize();

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged
    {
        var start = Stopwatch.GetTimestamp();
        inner.Upload(values, to);
        Count(nameof(Upload), start);
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged
    {
        var start = Stopwatch.GetTimestamp();
        inner.Download(from, values);
        Count(nameof(Download), start);
    }

    /// <inheritdoc/>
    public void Fill(Tensor tensor, double value)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Fill(tensor, value);
        Count(nameof(Fill), start);
    }

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Copy(from, to);
        Count(nameof(Copy), start);
    }

    /// <inheritdoc/>
    public void Add(Tensor x, Tensor result, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Add(x, result, accumulate);
        Count(nameof(Add), start);
    }

    /// <inheritdoc/>
    public void Scale(Tensor tensor, Tensor factor)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Scale(tensor, factor);
        Count(nameof(Scale), start);
    }

    /// <inheritdoc/>
    public void MatMul(in MatMulArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.MatMul(in args);
        Count(nameof(MatMul), start);
    }

    /// <inheritdoc/>
    public void SumRows(Tensor x, Tensor result, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SumRows(x, result, accumulate);
        Count(nameof(SumRows), start);
    }

    /// <inheritdoc/>
    public void GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GeluBackward(dy, x, dx, accumulate);
        Count(nameof(GeluBackward), start);
    }

    /// <inheritdoc/>
    public void GeluErf(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GeluErf(x, y);
        Count(nameof(GeluErf), start);
    }

    /// <inheritdoc/>
    public void GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GeluErfBackward(dy, x, dx, accumulate);
        Count(nameof(GeluErfBackward), start);
    }

    /// <inheritdoc/>
    public void Silu(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Silu(x, y);
        Count(nameof(Silu), start);
    }

    /// <inheritdoc/>
    public void SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SiluBackward(dy, x, dx, accumulate);
        Count(nameof(SiluBackward), start);
    }

    /// <inheritdoc/>
    public void LayerNorm(in LayerNormArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LayerNorm(in args);
        Count(nameof(LayerNorm), start);
    }

    /// <inheritdoc/>
    public void LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LayerNormBackward(in args, in gradients);
        Count(nameof(LayerNormBackward), start);
    }

    /// <inheritdoc/>
    public void Attention(in AttentionArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Attention(in args);
        Count(nameof(Attention), start);
    }

    /// <inheritdoc/>
    public void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv)
    {
        var start = Stopwatch.GetTimestamp();
        inner.AttentionBackward(in args, dOutput, dQkv);
        Count(nameof(AttentionBackward), start);
    }

    /// <inheritdoc/>
    public void Convolution(in ConvolutionArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Convolution(in args);
        Count(nameof(Convolution), start);
    }

    /// <inheritdoc/>
    public void ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.ConvolutionInputGradient(in args, dy, dx, accumulate);
        Count(nameof(ConvolutionInputGradient), start);
    }

    /// <inheritdoc/>
    public void ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.ConvolutionWeightGradient(in args, dy, dWeight, accumulate);
        Count(nameof(ConvolutionWeightGradient), start);
    }

    /// <inheritdoc/>
    public void GroupNorm(in GroupNormArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GroupNorm(in args);
        Count(nameof(GroupNorm), start);
    }

    /// <inheritdoc/>
    public void GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GroupNormBackward(in args, in gradients);
        Count(nameof(GroupNormBackward), start);
    }

    /// <inheritdoc/>
    public void Upsample(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Upsample(x, y);
        Count(nameof(Upsample), start);
    }

    /// <inheritdoc/>
    public void UpsampleBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.UpsampleBackward(dy, dx, accumulate);
        Count(nameof(UpsampleBackward), start);
    }

    /// <inheritdoc/>
    public void ToPatches(Tensor image, int patch, Tensor patches, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.ToPatches(image, patch, patches, accumulate);
        Count(nameof(ToPatches), start);
    }

    /// <inheritdoc/>
    public void FromPatches(Tensor patches, int patch, Tensor image, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.FromPatches(patches, patch, image, accumulate);
        Count(nameof(FromPatches), start);
    }

    /// <inheritdoc/>
    public void TimestepEmbedding(Tensor t, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.TimestepEmbedding(t, y);
        Count(nameof(TimestepEmbedding), start);
    }

    /// <inheritdoc/>
    public void MeanPool(Tensor x, Tensor y)
    {
        var start = Stopwatch.GetTimestamp();
        inner.MeanPool(x, y);
        Count(nameof(MeanPool), start);
    }

    /// <inheritdoc/>
    public void MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.MeanPoolBackward(dy, dx, accumulate);
        Count(nameof(MeanPoolBackward), start);
    }

    /// <inheritdoc/>
    public void BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd)
    {
        var start = Stopwatch.GetTimestamp();
        inner.BatchNorm(x, y, mean, rstd);
        Count(nameof(BatchNorm), start);
    }

    /// <inheritdoc/>
    public void BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate)
    {
        var start = Stopwatch.GetTimestamp();
        inner.BatchNormBackward(dy, y, rstd, dx, accumulate);
        Count(nameof(BatchNormBackward), start);
    }

    /// <inheritdoc/>
    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
    {
        var start = Stopwatch.GetTimestamp();
        inner.SoftmaxCrossEntropy(logits, labels, loss, dLogits);
        Count(nameof(SoftmaxCrossEntropy), start);
    }

    /// <inheritdoc/>
    public void PcaLoss(in PcaLossArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.PcaLoss(in args);
        Count(nameof(PcaLoss), start);
    }

    /// <inheritdoc/>
    public void Patchify(Tensor images, int patch, Tensor range, Tensor patches)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Patchify(images, patch, range, patches);
        Count(nameof(Patchify), start);
    }

    /// <inheritdoc/>
    public void LatentNoise(in LatentNoiseArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LatentNoise(in args);
        Count(nameof(LatentNoise), start);
    }

    /// <inheritdoc/>
    public void LatentNoiseFromImages(Tensor images, int patch, Tensor range, in LatentNoiseArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.LatentNoiseFromImages(images, patch, range, in args);
        Count(nameof(LatentNoiseFromImages), start);
    }

    /// <inheritdoc/>
    public ICovarianceSums SumCovariance(int dimensions) => inner.SumCovariance(dimensions);

    /// <inheritdoc/>
    public void GaussianLatent(in GaussianLatentArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GaussianLatent(in args);
        Count(nameof(GaussianLatent), start);
    }

    /// <inheritdoc/>
    public void GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GaussianLatentBackward(in args, in gradients);
        Count(nameof(GaussianLatentBackward), start);
    }

    /// <inheritdoc/>
    public void AdamW(in AdamWArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.AdamW(in args);
        Count(nameof(AdamW), start);
    }

    /// <inheritdoc/>
    public void Ema(Tensor values, double decay, Tensor average)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Ema(values, decay, average);
        Count(nameof(Ema), start);
    }

    /// <inheritdoc/>
    public void GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale)
    {
        var start = Stopwatch.GetTimestamp();
        inner.GlobalNorm(x, limit, norm, scale);
        Count(nameof(GlobalNorm), start);
    }

    /// <inheritdoc/>
    public void Sgd(in SgdArgs args)
    {
        var start = Stopwatch.GetTimestamp();
        inner.Sgd(in args);
        Count(nameof(Sgd), start);
    }

    private void Count(string primitive, long start)
    {
        inner.Synchronize();
        var elapsed = Stopwatch.GetElapsedTime(start);
        _times.TryGetValue(primitive, out var sum);
        _times[primitive] = (sum.Calls + 1, sum.Ticks + elapsed.Ticks);
        trace?.Add(new TraceEvent(_track, "primitive", primitive, trace.Now - elapsed.TotalMicroseconds, elapsed.TotalMicroseconds, []));
    }
}
