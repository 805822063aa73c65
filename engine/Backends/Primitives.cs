using LDaeCore.Engine.Tensors;
using static LDaeCore.Engine.Backends.Holds;

namespace LDaeCore.Engine.Backends;

/// <summary>The primitives as callers use them: each checks its arguments against its contract, on whatever device, and runs.</summary>
public static class Primitives
{
    /// <inheritdoc cref="IKernels.Fill"/>
    public static void Fill(this IBackend backend, Tensor tensor, double value) =>
        backend.Run(new PrimitiveCall(backend).Writes(tensor, Any), (tensor, value), static (k, a) => k.Fill(a.tensor, a.value));

    /// <inheritdoc cref="IKernels.Copy"/>
    public static void Copy(this IBackend backend, Tensor from, Tensor to) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(from, (Any, to.Shape.Count))
            .Where(from.DType == to.DType || (from.DType == backend.ParameterType && to.DType == backend.ActivationType), from)
            .Writes(to, Any),
        (from, to), static (k, a) => k.Copy(a.from, a.to));

    /// <inheritdoc cref="IKernels.Add"/>
    public static void Add(this IBackend backend, Tensor x, Tensor result, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(x, Real).Writes(result, x), (x, result, accumulate), static (k, a) => k.Add(a.x, a.result, a.accumulate));

    /// <inheritdoc cref="IKernels.Scale"/>
    public static void Scale(this IBackend backend, Tensor tensor, Tensor factor) => backend.Run(
        new PrimitiveCall(backend).Writes(tensor, Real).Reads(factor, Master), (tensor, factor), static (k, a) => k.Scale(a.tensor, a.factor));

    /// <inheritdoc cref="IKernels.MatMul"/>
    public static void MatMul(this IBackend backend, in MatMulArgs args) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(args.A, Real)
            .Reads(args.B, args.TransposeB ? (Real, args.B.Shape.Rows, args.K) : (Real, args.K, args.B.Shape.Columns))
            .Reads(args.Bias, (Real, args.N))
            .Writes(args.C, (Real, args.M, args.N))
            .Reads(args.Residual, new Contents(Real, Columns: args.N))
            .Where(args.Residual is null || (args.M % args.Residual.Shape.Rows == 0 && args.Residual.DType == args.C.DType), args.Residual)
            .Reads(args.GeluGradientOf, args.C)
            .Writes(args.PreActivation, args.C),
        args, static (k, a) => k.MatMul(a));

    /// <inheritdoc cref="IKernels.SumRows"/>
    public static void SumRows(this IBackend backend, Tensor x, Tensor result, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(x, Real).Writes(result, (Master, x.Shape.Columns)), (x, result, accumulate), static (k, a) => k.SumRows(a.x, a.result, a.accumulate));

    /// <inheritdoc cref="IKernels.GeluBackward"/>
    public static void GeluBackward(this IBackend backend, Tensor dy, Tensor x, Tensor dx, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(dy, Activation).Reads(x, dy).Writes(dx, dy), (dy, x, dx, accumulate), static (k, a) => k.GeluBackward(a.dy, a.x, a.dx, a.accumulate));

    /// <inheritdoc cref="IKernels.GeluErf"/>
    public static void GeluErf(this IBackend backend, Tensor x, Tensor y) =>
        backend.Run(new PrimitiveCall(backend).Reads(x, Activation).Writes(y, x), (x, y), static (k, a) => k.GeluErf(a.x, a.y));

    /// <inheritdoc cref="IKernels.GeluErfBackward"/>
    public static void GeluErfBackward(this IBackend backend, Tensor dy, Tensor x, Tensor dx, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(dy, Activation).Reads(x, dy).Writes(dx, dy), (dy, x, dx, accumulate), static (k, a) => k.GeluErfBackward(a.dy, a.x, a.dx, a.accumulate));

    /// <inheritdoc cref="IKernels.Silu"/>
    public static void Silu(this IBackend backend, Tensor x, Tensor y) =>
        backend.Run(new PrimitiveCall(backend).Reads(x, Activation).Writes(y, x), (x, y), static (k, a) => k.Silu(a.x, a.y));

    /// <inheritdoc cref="IKernels.SiluBackward"/>
    public static void SiluBackward(this IBackend backend, Tensor dy, Tensor x, Tensor dx, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(dy, Activation).Reads(x, dy).Writes(dx, dy), (dy, x, dx, accumulate), static (k, a) => k.SiluBackward(a.dy, a.x, a.dx, a.accumulate));

    /// <inheritdoc cref="IKernels.LayerNorm"/>
    public static void LayerNorm(this IBackend backend, in LayerNormArgs args) => backend.Run(
        Inputs(new PrimitiveCall(backend), args)
            .Where(args.Branch is null || args.H is not null, args.H)
            .Where(args.Y is null || (args.Mean is not null && args.Rstd is not null), args.Y)
            .Writes(args.H, args.X)
            .Writes(args.Y, args.X)
            .Writes(args.Mean, (Master, args.X.Shape.Rows))
            .Writes(args.Rstd, (Master, args.X.Shape.Rows)),
        args, static (k, a) => k.LayerNorm(a));

    /// <inheritdoc cref="IKernels.LayerNormBackward"/>
    public static void LayerNormBackward(this IBackend backend, in LayerNormArgs args, in LayerNormGradients gradients)
    {
        var columns = args.X.Shape.Columns;
        backend.Run(
            Inputs(new PrimitiveCall(backend), args)
                .Reads(args.H, args.X)
                .Reads(args.Mean, (Master, args.X.Shape.Rows))
                .Reads(args.Rstd, (Master, args.X.Shape.Rows))
                .Reads(gradients.DY, args.X)
                .Reads(gradients.DH, args.X)
                .Where(Has(gradients.DGate, args), gradients.DGate)
                .Where(Has(gradients.DShift, args), gradients.DShift)
                .Where(Has(gradients.DScale, args), gradients.DScale)
                .Writes(gradients.DX, args.X)
                .Writes(gradients.DBranch, args.X)
                .Writes(gradients.DGate?.Table, new Contents(Activation))
                .Writes(gradients.DShift?.Table, new Contents(Activation))
                .Writes(gradients.DScale?.Table, new Contents(Activation))
                .Writes(gradients.DWeight, (Master, columns))
                .Writes(gradients.DBias, (Master, columns)),
            (args, gradients), static (k, a) => k.LayerNormBackward(a.args, a.gradients));
    }

    /// <inheritdoc cref="IKernels.Attention"/>
    public static void Attention(this IBackend backend, in AttentionArgs args) => backend.Run(
        Inputs(new PrimitiveCall(backend), args)
            .Writes(args.Output, (Activation, args.Qkv.Shape.Rows, args.Width))
            .Writes(args.LogSumExp, (Master, (long)args.Images * args.Heads * args.Tokens)),
        args, static (k, a) => k.Attention(a));

    /// <inheritdoc cref="IKernels.AttentionBackward"/>
    public static void AttentionBackward(this IBackend backend, in AttentionArgs args, Tensor dOutput, Tensor dQkv) => backend.Run(
        Inputs(new PrimitiveCall(backend), args)
            .Reads(args.Output, (Activation, args.Qkv.Shape.Rows, args.Width))
            .Reads(args.LogSumExp, (Master, (long)args.Images * args.Heads * args.Tokens))
            .Reads(dOutput, args.Output)
            .Writes(dQkv, args.Qkv),
        (args, dOutput, dQkv), static (k, a) => k.AttentionBackward(a.args, a.dOutput, a.dQkv));

    /// <inheritdoc cref="IKernels.Convolution"/>
    public static void Convolution(this IBackend backend, in ConvolutionArgs args) => backend.Run(
        Inputs(new PrimitiveCall(backend), args)
            .Reads(args.Bias, (Master, args.Outputs))
            .Writes(args.Y, Activation)
            .Reads(args.Residual, args.Y),
        args, static (k, a) => k.Convolution(a));

    /// <inheritdoc cref="IKernels.ConvolutionInputGradient"/>
    public static void ConvolutionInputGradient(this IBackend backend, in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate) => backend.Run(
        Inputs(new PrimitiveCall(backend), args).Reads(dy, args.Y).Writes(dx, args.X),
        (args, dy, dx, accumulate), static (k, a) => k.ConvolutionInputGradient(a.args, a.dy, a.dx, a.accumulate));

    /// <inheritdoc cref="IKernels.ConvolutionWeightGradient"/>
    public static void ConvolutionWeightGradient(this IBackend backend, in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate) => backend.Run(
        Inputs(new PrimitiveCall(backend), args).Reads(dy, args.Y).Writes(dWeight, args.Weight),
        (args, dy, dWeight, accumulate), static (k, a) => k.ConvolutionWeightGradient(a.args, a.dy, a.dWeight, a.accumulate));

    /// <inheritdoc cref="IKernels.GroupNorm"/>
    public static void GroupNorm(this IBackend backend, in GroupNormArgs args) => backend.Run(
        Inputs(new PrimitiveCall(backend), args)
            .Writes(args.Y, args.X)
            .Writes(args.Mean, (Master, (long)args.Images * args.Groups))
            .Writes(args.Rstd, (Master, (long)args.Images * args.Groups)),
        args, static (k, a) => k.GroupNorm(a));

    /// <inheritdoc cref="IKernels.GroupNormBackward"/>
    public static void GroupNormBackward(this IBackend backend, in GroupNormArgs args, in GroupNormGradients gradients) => backend.Run(
        Inputs(new PrimitiveCall(backend), args)
            .Reads(args.Mean, (Master, (long)args.Images * args.Groups))
            .Reads(args.Rstd, (Master, (long)args.Images * args.Groups))
            .Reads(gradients.DY, args.X)
            .Writes(gradients.DX, args.X)
            .Writes(gradients.DWeight, (Master, args.Channels))
            .Writes(gradients.DBias, (Master, args.Channels)),
        (args, gradients), static (k, a) => k.GroupNormBackward(a.args, a.gradients));

    /// <inheritdoc cref="IKernels.Upsample"/>
    public static void Upsample(this IBackend backend, Tensor x, Tensor y) => backend.Run(
        new PrimitiveCall(backend).Reads(x, Activation).Where(x.Shape.Rank == 4, x).Writes(y, (Activation, 4L * x.Shape.Rows, x.Shape.Columns)),
        (x, y), static (k, a) => k.Upsample(a.x, a.y));

    /// <inheritdoc cref="IKernels.UpsampleBackward"/>
    public static void UpsampleBackward(this IBackend backend, Tensor dy, Tensor dx, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(dy, (Activation, 4L * dx.Shape.Rows, dx.Shape.Columns)).Where(dx.Shape.Rank == 4, dx).Writes(dx, Activation),
        (dy, dx, accumulate), static (k, a) => k.UpsampleBackward(a.dy, a.dx, a.accumulate));

    /// <inheritdoc cref="IKernels.ToPatches"/>
    public static void ToPatches(this IBackend backend, Tensor image, int patch, Tensor patches, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(image, Activation).Where(Tiles(image, patch), image).Writes(patches, image),
        (image, patch, patches, accumulate), static (k, a) => k.ToPatches(a.image, a.patch, a.patches, a.accumulate));

    /// <inheritdoc cref="IKernels.FromPatches"/>
    public static void FromPatches(this IBackend backend, Tensor patches, int patch, Tensor image, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(patches, Activation).Where(Tiles(image, patch), image).Writes(image, patches),
        (patches, patch, image, accumulate), static (k, a) => k.FromPatches(a.patches, a.patch, a.image, a.accumulate));

    /// <inheritdoc cref="IKernels.TimestepEmbedding"/>
    public static void TimestepEmbedding(this IBackend backend, Tensor t, Tensor y) => backend.Run(
        new PrimitiveCall(backend).Reads(t, (Master, y.Shape.Rows)).Where(y.Shape.Columns % 2 == 0, y).Writes(y, Activation),
        (t, y), static (k, a) => k.TimestepEmbedding(a.t, a.y));

    /// <inheritdoc cref="IKernels.MeanPool"/>
    public static void MeanPool(this IBackend backend, Tensor x, Tensor y) => backend.Run(
        new PrimitiveCall(backend).Reads(x, Activation).Where(x.Shape.Rank == 3, x).Writes(y, (Activation, x.Shape[0], x.Shape.Columns)),
        (x, y), static (k, a) => k.MeanPool(a.x, a.y));

    /// <inheritdoc cref="IKernels.MeanPoolBackward"/>
    public static void MeanPoolBackward(this IBackend backend, Tensor dy, Tensor dx, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Where(dx.Shape.Rank == 3, dx).Reads(dy, (Activation, dx.Shape[0], dx.Shape.Columns)).Writes(dx, Activation),
        (dy, dx, accumulate), static (k, a) => k.MeanPoolBackward(a.dy, a.dx, a.accumulate));

    /// <inheritdoc cref="IKernels.GatherRows"/>
    public static void GatherRows(this IBackend backend, Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(x, Real)
            .Reads(index, Whole)
            .Reads(fill, new Contents(Master, Columns: x.Shape.Columns))
            .Where(y.DType == x.DType, y)
            .Writes(y, (Real, index.Shape.Count, x.Shape.Columns)),
        (x, index, fill, y, accumulate), static (k, a) => k.GatherRows(a.x, a.index, a.fill, a.y, a.accumulate));

    /// <inheritdoc cref="IKernels.BatchNorm"/>
    public static void BatchNorm(this IBackend backend, Tensor x, Tensor y, Tensor mean, Tensor rstd) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(x, Activation)
            .Writes(y, x)
            .Writes(mean, (Master, x.Shape.Columns))
            .Writes(rstd, (Master, x.Shape.Columns)),
        (x, y, mean, rstd), static (k, a) => k.BatchNorm(a.x, a.y, a.mean, a.rstd));

    /// <inheritdoc cref="IKernels.BatchNormBackward"/>
    public static void BatchNormBackward(this IBackend backend, Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate) => backend.Run(
        new PrimitiveCall(backend).Reads(y, Activation).Reads(dy, y).Reads(rstd, (Master, y.Shape.Columns)).Writes(dx, y),
        (dy, y, rstd, dx, accumulate), static (k, a) => k.BatchNormBackward(a.dy, a.y, a.rstd, a.dx, a.accumulate));

    /// <inheritdoc cref="IKernels.SoftmaxCrossEntropy"/>
    public static void SoftmaxCrossEntropy(this IBackend backend, Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits) => backend.Run(
        new PrimitiveCall(backend).Reads(logits, Activation).Reads(labels, (Whole, logits.Shape.Rows)).Writes(loss, (Master, 1)).Writes(dLogits, logits),
        (logits, labels, loss, dLogits), static (k, a) => k.SoftmaxCrossEntropy(a.logits, a.labels, a.loss, a.dLogits));

    /// <inheritdoc cref="IKernels.SquaredError"/>
    public static void SquaredError(this IBackend backend, in SquaredErrorArgs args) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(args.Prediction, Activation)
            .Reads(args.Target, args.Prediction)
            .Reads(args.Weight, (Master, args.Prediction.Shape[0]))
            .Writes(args.Loss, (Master, 1))
            .Writes(args.DPrediction, args.Prediction),
        args, static (k, a) => k.SquaredError(a));

    /// <inheritdoc cref="IKernels.PcaLoss"/>
    public static void PcaLoss(this IBackend backend, in PcaLossArgs args) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(args.Prediction, Activation)
            .Where(args.Prediction.Shape.Rank == 3, args.Prediction)
            .Reads(args.Clean, args.Prediction)
            .Reads(args.Basis, new Contents(Master, Columns: args.Prediction.Shape.Columns))
            .Reads(args.Lambda, (Master, args.Prediction.Shape[0]))
            .Writes(args.Loss, (Master, 3))
            .Writes(args.DPrediction, args.Prediction),
        args, static (k, a) => k.PcaLoss(a));

    /// <inheritdoc cref="IKernels.Patchify"/>
    public static void Patchify(this IBackend backend, Tensor images, int patch, Tensor range, Tensor patches) => backend.Run(
        Inputs(new PrimitiveCall(backend), images, patch, range).Writes(patches, (Activation, images.Shape.Count / (3L * patch * patch), 3 * patch * patch)),
        (images, patch, range, patches), static (k, a) => k.Patchify(a.images, a.patch, a.range, a.patches));

    /// <inheritdoc cref="IKernels.LatentNoise"/>
    public static void LatentNoise(this IBackend backend, in LatentNoiseArgs args) => backend.Run(
        Results(Inputs(new PrimitiveCall(backend).Reads(args.Clean, Activation), args), args), args, static (k, a) => k.LatentNoise(a));

    /// <inheritdoc cref="IKernels.LatentNoiseFromImages"/>
    public static void LatentNoiseFromImages(this IBackend backend, Tensor images, int patch, Tensor range, in LatentNoiseArgs args) => backend.Run(
        Results(
            Inputs(Inputs(new PrimitiveCall(backend), images, patch, range), args)
                .Where(args.Noisy is not null, args.Noisy)
                .Writes(args.Clean, (Activation, images.Shape.Count / (3L * patch * patch), 3 * patch * patch)),
            args),
        (images, patch, range, args), static (k, a) => k.LatentNoiseFromImages(a.images, a.patch, a.range, a.args));

    /// <inheritdoc cref="IKernels.GaussianLatent"/>
    public static void GaussianLatent(this IBackend backend, in GaussianLatentArgs args) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(args.Mean, Activation)
            .Reads(args.LogVariance, args.Mean)
            .Writes(args.Latents, args.Mean)
            .Writes(args.Divergence, (Master, 1)),
        args, static (k, a) => k.GaussianLatent(a));

    /// <inheritdoc cref="IKernels.GaussianLatentBackward"/>
    public static void GaussianLatentBackward(this IBackend backend, in GaussianLatentArgs args, in GaussianLatentGradients gradients) => backend.Run(
        new PrimitiveCall(backend)
            .Reads(args.Mean, Activation)
            .Reads(args.LogVariance, args.Mean)
            .Reads(gradients.DLatents, args.Mean)
            .Reads(gradients.DDivergence, (Master, 1))
            .Writes(gradients.DMean, args.Mean)
            .Writes(gradients.DLogVariance, args.Mean),
        (args, gradients), static (k, a) => k.GaussianLatentBackward(a.args, a.gradients));

    /// <inheritdoc cref="IKernels.AdamW"/>
    public static void AdamW(this IBackend backend, in AdamWArgs args) => backend.Run(
        new PrimitiveCall(backend)
            .Writes(args.Values, Master)
            .Reads(args.Gradients, args.Values)
            .Reads(args.ClipScale, (Master, 1))
            .Reads(args.RateScale, args.Values)
            .Reads(args.Decay, args.Values)
            .Writes(args.FirstMoment, args.Values)
            .Writes(args.SecondMoment, args.Values)
            .Writes(args.Average, args.Values)
            .Where(args.Rounded is null || args.Rounded.Shape.Count == args.Values.Shape.Count, args.Rounded),
        args, static (k, a) => k.AdamW(a));

    /// <inheritdoc cref="IKernels.Ema"/>
    public static void Ema(this IBackend backend, Tensor values, double decay, Tensor average) => backend.Run(
        new PrimitiveCall(backend).Reads(values, Master).Writes(average, values), (values, decay, average), static (k, a) => k.Ema(a.values, a.decay, a.average));

    /// <inheritdoc cref="IKernels.GlobalNorm"/>
    public static void GlobalNorm(this IBackend backend, Tensor x, double limit, Tensor norm, Tensor scale) => backend.Run(
        new PrimitiveCall(backend).Reads(x, Master).Writes(norm, (Master, 1)).Writes(scale, (Master, 1)),
        (x, limit, norm, scale), static (k, a) => k.GlobalNorm(a.x, a.limit, a.norm, a.scale));

    /// <inheritdoc cref="IKernels.Sgd"/>
    public static void Sgd(this IBackend backend, in SgdArgs args) => backend.Run(
        new PrimitiveCall(backend)
            .Writes(args.Values, Master)
            .Reads(args.Gradients, args.Values)
            .Reads(args.ClipScale, (Master, 1))
            .Writes(args.Velocity, args.Values),
        args, static (k, a) => k.Sgd(a));

    private static PrimitiveCall Inputs(PrimitiveCall call, in LayerNormArgs args)
    {
        var columns = args.X.Shape.Columns;
        return call
            .Reads(args.X, Activation)
            .Where(args.X.Shape.Rows % args.Images == 0, args.X)
            .Reads(args.Branch, args.X)
            .Reads(args.Gate?.Table, new Contents(Activation))
            .Reads(args.Shift?.Table, new Contents(Activation))
            .Reads(args.Scale?.Table, new Contents(Activation))
            .Where(Has(args.Gate, args), args.Gate)
            .Where(Has(args.Shift, args), args.Shift)
            .Where(Has(args.Scale, args), args.Scale)
            .Reads(args.Weight, (Master, columns))
            .Reads(args.Bias, (Master, columns));
    }

    private static PrimitiveCall Inputs(PrimitiveCall call, in AttentionArgs args) => call
        .Reads(args.Qkv, Activation)
        .Where(args.Heads > 0 && args.Qkv.Shape.Columns % (3 * args.Heads) == 0, args.Heads)
        .Where(args.Tokens > 0 && args.Qkv.Shape.Rows % args.Tokens == 0, args.Tokens);

    private static PrimitiveCall Inputs(PrimitiveCall call, in ConvolutionArgs args) => call
        .Reads(args.X, Activation)
        .Reads(args.Weight, Master)
        .Reads(args.Y, Activation)
        .Where(args.X.Shape.Rank == 4, args.X)
        .Where(args.Weight.Shape.Rank == 4 && args.X.Shape[3] == args.Inputs, args.Weight)
        .Where(args.Stride > 0, args.Stride)
        .Where(args.Padding >= 0 && Math.Min(args.X.Shape[1] - args.Weight.Shape[1], args.X.Shape[2] - args.Weight.Shape[2]) + (2 * args.Padding) >= 0, args.Padding)
        .Where(args.Y.Shape == ConvolutionArgs.ResultOf(args.X.Shape, args.Weight.Shape, args.Stride, args.Padding), args.Y);

    private static PrimitiveCall Inputs(PrimitiveCall call, in GroupNormArgs args) => call
        .Reads(args.X, Activation)
        .Where(args.Groups > 0 && args.Channels % args.Groups == 0, args.Groups)
        .Reads(args.Weight, (Master, args.Channels))
        .Reads(args.Bias, (Master, args.Channels));

    private static PrimitiveCall Inputs(PrimitiveCall call, Tensor images, int patch, Tensor range) => call
        .Reads(images, Pixel)
        .Where(Tiles(images, patch) && images.Shape[3] == 3, images)
        .Reads(range, (Master, 6));

    private static PrimitiveCall Inputs(PrimitiveCall call, in LatentNoiseArgs args) => call
        .Where(args.Clean.Shape.Rank == 3, args.Clean)
        .Reads(args.Mean, (Master, args.Clean.Shape.Columns))
        .Reads(args.Basis, new Contents(Master, Columns: args.Clean.Shape.Columns))
        .Reads(args.LatentStd, (Master, args.Dim))
        .Reads(args.Gamma, (Master, args.Clean.Shape[0]))
        .Reads(args.Sigma, (Master, args.Clean.Shape[0]));

    private static PrimitiveCall Results(PrimitiveCall call, in LatentNoiseArgs args) =>
        call.Writes(args.Noisy, args.Clean).Writes(args.Latents, (Activation, args.Clean.Shape.Rows, args.Dim));

    /// <summary>Whether a table has a row an image and the columns of the chunk.</summary>
    private static bool Has(Modulation? modulation, in LayerNormArgs args) =>
        modulation is not { Table.Shape: var table, Chunk: var chunk }
        || (table.Rows == args.Images && chunk >= 0 && table.Columns % args.X.Shape.Columns == 0 && (chunk + 1) * args.X.Shape.Columns <= table.Columns);

    /// <summary>Whether patches tile images [B, H, W, C].</summary>
    private static bool Tiles(Tensor images, int patch) =>
        images.Shape.Rank == 4 && patch > 0 && images.Shape[1] % patch == 0 && images.Shape[2] % patch == 0;
}
