using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// The yardstick of the bf16 rule: a program of the usual operators with bf16 tensors, as PyTorch runs one without compilation: each
/// operator reads bf16, computes in a wider type and stores bf16. Rounded is therefore what an operator stores and nothing inside
/// one, and the boundaries are those of common operators, not of our kernels:
/// a product with its bias (weight and bias cast to bf16, as mixed precision does); GELU; the residual add; the normalisations
/// (<see cref="NaiveBf16Norm"/>); scores, softmax and weighted sum of an attention (<see cref="NaiveBf16Attention"/>); a convolution with its bias; SiLU; means.
/// Where it is stricter than such a program: wide arithmetic is exact (float64); gradients of parameters stay unrounded and are added
/// up so; losses, latent noise, Gaussian latents and patches, which would be several operators, count as one; an accumulating operator rounds
/// once, after the addition. Our kernels read nothing from here and it knows nothing of their tiles or orders.
/// </summary>
internal sealed class NaiveBf16Backend : IBackend, IKernels
{
    private readonly ReferenceBackend _exact = new();

    public DeviceKind Kind => DeviceKind.Reference;

    public DType ActivationType => DType.F64;

    public DType ParameterType => DType.F64;

    public long WorkspaceBytes => 0;

    public static double Round(double value) => BFloat16.Value(BFloat16.Bits((float)value));

    public Storage Allocate(long bytes) => _exact.Allocate(bytes);

    public void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged => _exact.Upload(values, to);

    public void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged => _exact.Download(from, values);

    public void Fill(Tensor tensor, double value) => _exact.Fill(tensor, value);

    public void Copy(Tensor from, Tensor to) => _exact.Copy(from, to);

    public void Add(Tensor x, Tensor result, bool accumulate)
    {
        _exact.Add(x, result, accumulate);
        Rounded(result);
    }

    public void Scale(Tensor tensor, Tensor factor) => _exact.Scale(tensor, factor);

    public void MatMul(in MatMulArgs args)
    {
        using var a = RoundedCopy(args.A);
        using var b = RoundedCopy(args.B);
        if (args.TransposeA)
        {
            // The gradient of a weight: float32, and so is all that belongs to it.
            _exact.MatMul(args with { A = a.Tensor, B = b.Tensor });
            return;
        }

        using var bias = args.Bias is { } given ? RoundedCopy(given) : null;
        var plain = new MatMulArgs(a.Tensor, args.TransposeA, b.Tensor, args.TransposeB, args.C) { Accumulate = args.Accumulate, Bias = bias?.Tensor };
        _exact.MatMul(plain);
        Rounded(args.C);
        if (args.PreActivation is { } pre)
        {
            Copy(args.C, pre);
            args.C.Write(_exact, pre.ReadDoubles(_exact).Select(v => Round(Gelu(v))).ToArray());
        }

        if (args.GeluGradientOf is { } u)
        {
            _exact.GeluBackward(args.C, u, args.C, accumulate: false);
            Rounded(args.C);
        }

        if (args.Residual is { } residual)
        {
            var added = residual.ReadDoubles(_exact);
            args.C.Write(_exact, args.C.ReadDoubles(_exact).Select((v, i) => Round(v + added[i % added.Length])).ToArray());
        }
    }

    public void SumRows(Tensor x, Tensor result, bool accumulate) => _exact.SumRows(x, result, accumulate);

    public void GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        _exact.GeluBackward(dy, x, dx, accumulate);
        Rounded(dx);
    }

    public void GeluErf(Tensor x, Tensor y)
    {
        _exact.GeluErf(x, y);
        Rounded(y);
    }

    public void GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        _exact.GeluErfBackward(dy, x, dx, accumulate);
        Rounded(dx);
    }

    public void Silu(Tensor x, Tensor y)
    {
        _exact.Silu(x, y);
        Rounded(y);
    }

    public void SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate)
    {
        _exact.SiluBackward(dy, x, dx, accumulate);
        Rounded(dx);
    }

    public void LayerNorm(in LayerNormArgs args) => new NaiveBf16Norm(_exact).Forward(args);

    public void LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients) => new NaiveBf16Norm(_exact).Backward(args, gradients);

    public void Attention(in AttentionArgs args) => NaiveBf16Attention.Forward(_exact, args);

    public void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv) => NaiveBf16Attention.Backward(_exact, args, dOutput, dQkv);

    public void Convolution(in ConvolutionArgs args)
    {
        // A product with its bias, then the residual add.
        using var weight = RoundedCopy(args.Weight);
        using var bias = args.Bias is { } given ? RoundedCopy(given) : null;
        _exact.Convolution(args with { Weight = weight.Tensor, Bias = bias?.Tensor, Residual = null });
        Rounded(args.Y);
        if (args.Residual is { } residual)
        {
            Add(residual, args.Y, accumulate: true);
        }
    }

    public void ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate)
    {
        using var weight = RoundedCopy(args.Weight);
        _exact.ConvolutionInputGradient(args with { Weight = weight.Tensor }, dy, dx, accumulate);
        Rounded(dx);
    }

    public void ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate) =>
        _exact.ConvolutionWeightGradient(args, dy, dWeight, accumulate);

    public void GroupNorm(in GroupNormArgs args)
    {
        _exact.GroupNorm(args);
        Rounded(args.Y);
    }

    public void GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients)
    {
        _exact.GroupNormBackward(args, gradients);
        Rounded(gradients.DX);
    }

    public void Upsample(Tensor x, Tensor y) => _exact.Upsample(x, y);

    public void UpsampleBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        _exact.UpsampleBackward(dy, dx, accumulate);
        Rounded(dx);
    }

    public void ToPatches(Tensor image, int patch, Tensor patches, bool accumulate)
    {
        _exact.ToPatches(image, patch, patches, accumulate);
        Rounded(patches);
    }

    public void FromPatches(Tensor patches, int patch, Tensor image, bool accumulate)
    {
        _exact.FromPatches(patches, patch, image, accumulate);
        Rounded(image);
    }

    public void TimestepEmbedding(Tensor t, Tensor y)
    {
        _exact.TimestepEmbedding(t, y);
        Rounded(y);
    }

    public void MeanPool(Tensor x, Tensor y)
    {
        _exact.MeanPool(x, y);
        Rounded(y);
    }

    public void MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate)
    {
        _exact.MeanPoolBackward(dy, dx, accumulate);
        Rounded(dx);
    }

    public void GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate)
    {
        _exact.GatherRows(x, index, fill, y, accumulate);
        Rounded(y);
    }

    public void BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd)
    {
        _exact.BatchNorm(x, y, mean, rstd);
        Rounded(y);
    }

    public void BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate)
    {
        _exact.BatchNormBackward(dy, y, rstd, dx, accumulate);
        Rounded(dx);
    }

    public void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits)
    {
        _exact.SoftmaxCrossEntropy(logits, labels, loss, dLogits);
        Rounded(dLogits);
    }

    public void SquaredError(in SquaredErrorArgs args)
    {
        _exact.SquaredError(args);
        Rounded(args.DPrediction);
    }

    public void PcaLoss(in PcaLossArgs args)
    {
        _exact.PcaLoss(args);
        Rounded(args.DPrediction);
    }

    public void Patchify(Tensor images, int patch, Tensor range, Tensor patches)
    {
        _exact.Patchify(images, patch, range, patches);
        Rounded(patches);
    }

    public void LatentNoise(in LatentNoiseArgs args)
    {
        _exact.LatentNoise(args);
        Rounded(args.Noisy, args.Latents);
    }

    public void GaussianLatent(in GaussianLatentArgs args)
    {
        _exact.GaussianLatent(args);
        Rounded(args.Latents);
    }

    public void GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients)
    {
        _exact.GaussianLatentBackward(args, gradients);
        Rounded(gradients.DMean, gradients.DLogVariance);
    }

    public void AdamW(in AdamWArgs args) => _exact.AdamW(args);

    public void Ema(Tensor values, double decay, Tensor average) => _exact.Ema(values, decay, average);

    public void GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale) => _exact.GlobalNorm(x, limit, norm, scale);

    public void Sgd(in SgdArgs args) => _exact.Sgd(args);

    public void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel) => kernel(this, arguments);

    public void Synchronize()
    {
    }

    public void Dispose() => _exact.Dispose();

    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    private void Rounded(params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (tensor is not null)
            {
                tensor.Write(_exact, tensor.ReadDoubles(_exact).Select(Round).ToArray());
            }
        }
    }

    private PersistentTensor RoundedCopy(Tensor tensor)
    {
        var copy = new PersistentTensor(_exact, tensor.Shape, DType.F64);
        copy.Tensor.Write(_exact, tensor.ReadDoubles(_exact).Select(Round).ToArray());
        return copy;
    }
}
