using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// The primitives that every device computes: what one fused kernel does, on tensors of that device. An op (see LDaeCore.Engine.Ops)
/// composes them into a forward and a backward pass; no primitive knows of the tape. The reference backend says in plain
/// loops what each one means, and every other backend is tested against it.
/// <para>
/// Conventions: a tensor is a matrix of <see cref="Shape.Rows"/> by <see cref="Shape.Columns"/>; inputs come before scalars,
/// scalars before results; "accumulate" adds to what the result holds instead of storing.
/// </para>
/// <para>Callers use the methods of <see cref="Primitives"/> on a backend, which check the arguments first. A device does not check them again.</para>
/// </summary>
public interface IKernels
{
    /// <summary>Sets every element.</summary>
    /// <param name="tensor">What to fill.</param>
    /// <param name="value">The value.</param>
    void Fill(Tensor tensor, double value);

    /// <summary>to = from, of the same number of elements and type, or rounded from the parameter type to the activation type.</summary>
    /// <param name="from">Source.</param>
    /// <param name="to">Destination.</param>
    void Copy(Tensor from, Tensor to);

    /// <summary>result (+)= x.</summary>
    /// <param name="x">What to add.</param>
    /// <param name="result">Destination of the same shape.</param>
    /// <param name="accumulate">Add instead of store.</param>
    void Add(Tensor x, Tensor result, bool accumulate);

    /// <summary>tensor *= factor[0].</summary>
    /// <param name="tensor">What to scale.</param>
    /// <param name="factor">Its first element counts.</param>
    void Scale(Tensor tensor, Tensor factor);

    /// <summary>Matrix product with its epilogue; see <see cref="MatMulArgs"/>.</summary>
    /// <param name="args">Operands and epilogue.</param>
    void MatMul(in MatMulArgs args);

    /// <summary>result[n] (+)= sum over rows of x[row, n]: the gradient of a bias.</summary>
    /// <param name="x">Rows to add up.</param>
    /// <param name="result">One value a column, of the parameter type.</param>
    /// <param name="accumulate">Add instead of store.</param>
    void SumRows(Tensor x, Tensor result, bool accumulate);

    /// <summary>dx = dy * gelu'(x), the tanh form, where no matrix product could do it on the way.</summary>
    /// <param name="dy">Gradient of gelu(x).</param>
    /// <param name="x">Input of the GELU.</param>
    /// <param name="dx">Gradient of x.</param>
    /// <param name="accumulate">Add instead of store.</param>
    void GeluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate);

    /// <summary>y = x Phi(x), the exact form of the GELU; Phi is the normal distribution's cumulative function.</summary>
    /// <param name="x">Input.</param>
    /// <param name="y">Result.</param>
    void GeluErf(Tensor x, Tensor y);

    /// <summary>dx (+)= dy * (Phi(x) + x phi(x)), phi being Phi's derivative.</summary>
    /// <param name="dy">Gradient of the result.</param>
    /// <param name="x">Input of the forward pass.</param>
    /// <param name="dx">Gradient of the input.</param>
    /// <param name="accumulate">Add instead of store.</param>
    void GeluErfBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate);

    /// <summary>y = x * sigmoid(x).</summary>
    /// <param name="x">Input.</param>
    /// <param name="y">Result.</param>
    void Silu(Tensor x, Tensor y);

    /// <summary>dx (+)= dy * d(silu)/dx.</summary>
    /// <param name="dy">Gradient of the result.</param>
    /// <param name="x">Input of the forward pass.</param>
    /// <param name="dx">Gradient of the input.</param>
    /// <param name="accumulate">Add instead of store.</param>
    void SiluBackward(Tensor dy, Tensor x, Tensor dx, bool accumulate);

    /// <summary>Residual add, layer normalisation and modulation in one pass; see <see cref="LayerNormArgs"/>.</summary>
    /// <param name="args">Inputs, parameters and results.</param>
    void LayerNorm(in LayerNormArgs args);

    /// <summary>Backward of <see cref="LayerNorm"/> in one read.</summary>
    /// <param name="args">The forward's arguments.</param>
    /// <param name="gradients">Incoming gradients and where the outgoing ones go.</param>
    void LayerNormBackward(in LayerNormArgs args, in LayerNormGradients gradients);

    /// <summary>Softmax attention on packed queries, keys and values; see <see cref="AttentionArgs"/>.</summary>
    /// <param name="args">Inputs and results.</param>
    void Attention(in AttentionArgs args);

    /// <summary>Backward of <see cref="Attention"/>: the gradient of the packed qkv.</summary>
    /// <param name="args">The forward's arguments.</param>
    /// <param name="dOutput">Gradient of the output [B*T, C].</param>
    /// <param name="dQkv">Gradient of qkv [B*T, 3C]; stored.</param>
    void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv);

    /// <summary>Convolution of images with channels innermost, with bias and residual; see <see cref="ConvolutionArgs"/>.</summary>
    /// <param name="args">Input, weight and result.</param>
    void Convolution(in ConvolutionArgs args);

    /// <summary>dx (+)= the gradient of <see cref="Convolution"/>'s input.</summary>
    /// <param name="args">The forward's arguments; its input and result are not read.</param>
    /// <param name="dy">Gradient of the result [B, H', W', N].</param>
    /// <param name="dx">Gradient of the input [B, H, W, C].</param>
    /// <param name="accumulate">Add instead of store.</param>
    void ConvolutionInputGradient(in ConvolutionArgs args, Tensor dy, Tensor dx, bool accumulate);

    /// <summary>dweight (+)= the gradient of <see cref="Convolution"/>'s weight. The bias's is <see cref="SumRows"/> of dy.</summary>
    /// <param name="args">The forward's arguments; its weight and result are not read.</param>
    /// <param name="dy">Gradient of the result [B, H', W', N].</param>
    /// <param name="dWeight">Gradient of the weight [N, Kh, Kw, C], of the parameter type.</param>
    /// <param name="accumulate">Add instead of store.</param>
    void ConvolutionWeightGradient(in ConvolutionArgs args, Tensor dy, Tensor dWeight, bool accumulate);

    /// <summary>Group normalisation with weight and bias; see <see cref="GroupNormArgs"/>.</summary>
    /// <param name="args">Inputs, parameters and results.</param>
    void GroupNorm(in GroupNormArgs args);

    /// <summary>Backward of <see cref="GroupNorm"/>.</summary>
    /// <param name="args">The forward's arguments; its result is not read.</param>
    /// <param name="gradients">Incoming gradient and where the outgoing ones go.</param>
    void GroupNormBackward(in GroupNormArgs args, in GroupNormGradients gradients);

    /// <summary>Every pixel becomes two by two equal ones: y[b, i, j] = x[b, i / 2, j / 2].</summary>
    /// <param name="x">[B, H, W, C].</param>
    /// <param name="y">[B, 2 H, 2 W, C].</param>
    void Upsample(Tensor x, Tensor y);

    /// <summary>dx[b, i, j] (+)= the sum of the four pixels of dy that came from it.</summary>
    /// <param name="dy">[B, 2 H, 2 W, C].</param>
    /// <param name="dx">[B, H, W, C].</param>
    /// <param name="accumulate">Add instead of store.</param>
    void UpsampleBackward(Tensor dy, Tensor dx, bool accumulate);

    /// <summary>Cuts images into patches, flattened as (row, column, channel): patches (+)= the image's values in another order.</summary>
    /// <param name="image">[B, H, W, C].</param>
    /// <param name="patch">Side of a patch, in pixels; divides H and W.</param>
    /// <param name="patches">[B, T, patch * patch * C].</param>
    /// <param name="accumulate">Add instead of store.</param>
    void ToPatches(Tensor image, int patch, Tensor patches, bool accumulate);

    /// <summary>Puts patches together to images: the inverse of <see cref="ToPatches"/>, and its backward.</summary>
    /// <param name="patches">[B, T, patch * patch * C].</param>
    /// <param name="patch">Side of a patch, in pixels; divides H and W.</param>
    /// <param name="image">[B, H, W, C].</param>
    /// <param name="accumulate">Add instead of store.</param>
    void FromPatches(Tensor patches, int patch, Tensor image, bool accumulate);

    /// <summary>The sinusoids of a time step: y[b] = (cos(t w_0).. cos(t w_k), sin(t w_0).. sin(t w_k)), w_i = 10000^(-i/k), k = columns / 2.</summary>
    /// <param name="t">Time steps [B], of the parameter type.</param>
    /// <param name="y">[B, even width].</param>
    void TimestepEmbedding(Tensor t, Tensor y);

    /// <summary>y[b] = mean over the tokens of x[b].</summary>
    /// <param name="x">[B, T, C].</param>
    /// <param name="y">[B, C].</param>
    void MeanPool(Tensor x, Tensor y);

    /// <summary>dx[b, t] (+)= dy[b] / T.</summary>
    /// <param name="dy">[B, C].</param>
    /// <param name="dx">[B, T, C].</param>
    /// <param name="accumulate">Add instead of store.</param>
    void MeanPoolBackward(Tensor dy, Tensor dx, bool accumulate);

    /// <summary>y[i] (+)= x[index[i]], and where index[i] = -1 - k, row k of the fill, or zeros without one.</summary>
    /// <param name="x">[N, C].</param>
    /// <param name="index">I32 [M], each below N.</param>
    /// <param name="fill">[F, C] of the parameter type, or null.</param>
    /// <param name="y">[M, C], of x's type.</param>
    /// <param name="accumulate">Add instead of store.</param>
    void GatherRows(Tensor x, Tensor index, Tensor? fill, Tensor y, bool accumulate);

    /// <summary>Batch normalisation without parameters, by the batch's own mean and biased variance (eps 1e-6).</summary>
    /// <param name="x">[B, C].</param>
    /// <param name="y">[B, C].</param>
    /// <param name="mean">[C], of the parameter type.</param>
    /// <param name="rstd">1 / sqrt(variance + eps), [C], of the parameter type.</param>
    void BatchNorm(Tensor x, Tensor y, Tensor mean, Tensor rstd);

    /// <summary>Backward of <see cref="BatchNorm"/>.</summary>
    /// <param name="dy">Gradient of the result [B, C].</param>
    /// <param name="y">The result (normalised values) [B, C].</param>
    /// <param name="rstd">Saved [C].</param>
    /// <param name="dx">Gradient of the input [B, C].</param>
    /// <param name="accumulate">Add instead of store.</param>
    void BatchNormBackward(Tensor dy, Tensor y, Tensor rstd, Tensor dx, bool accumulate);

    /// <summary>loss = mean over rows of -log softmax(logits)[label], and its gradient in the same pass.</summary>
    /// <param name="logits">[B, K].</param>
    /// <param name="labels">I32 [B].</param>
    /// <param name="loss">One element.</param>
    /// <param name="dLogits">Gradient for an incoming gradient of one [B, K], or null.</param>
    void SoftmaxCrossEntropy(Tensor logits, Tensor labels, Tensor loss, Tensor? dLogits);

    /// <summary>Mean squared error and its gradient in one pass; see <see cref="SquaredErrorArgs"/>.</summary>
    /// <param name="args">Inputs and results.</param>
    void SquaredError(in SquaredErrorArgs args);

    /// <summary>The l-DAE loss in the PCA basis and its gradient in one pass; see <see cref="PcaLossArgs"/>.</summary>
    /// <param name="args">Inputs and results.</param>
    void PcaLoss(in PcaLossArgs args);

    /// <summary>Images to patches: normalised, flattened as (row, column, channel).</summary>
    /// <param name="images">[B, H, W, 3], U8 or of the parameter type.</param>
    /// <param name="patch">Side of a patch; divides H and W.</param>
    /// <param name="range">Two rows of three: factor and offset per channel, [2, 3] of the parameter type; value = pixel * factor + offset.</param>
    /// <param name="patches">[B, T, patch * patch * 3].</param>
    void Patchify(Tensor images, int patch, Tensor range, Tensor patches);

    /// <summary>Noise in the latent space of a linear tokenizer; see <see cref="LatentNoiseArgs"/>.</summary>
    /// <param name="args">Inputs and results.</param>
    void LatentNoise(in LatentNoiseArgs args);

    /// <summary><see cref="Patchify"/> and <see cref="LatentNoise"/>; one pass over the bytes where a device has it.</summary>
    /// <param name="images">[B, H, W, 3], U8 or of the parameter type.</param>
    /// <param name="patch">Side of a patch; divides H and W.</param>
    /// <param name="range">Factor and offset of each channel [2, 3].</param>
    /// <param name="args">Inputs and results; Clean is written, and Noisy is wanted.</param>
    void LatentNoiseFromImages(Tensor images, int patch, Tensor range, in LatentNoiseArgs args)
    {
        Patchify(images, patch, range, args.Clean);
        LatentNoise(args);
    }

    /// <summary>The latent of a variational autoencoder with its divergence from the unit Gaussian; see <see cref="GaussianLatentArgs"/>.</summary>
    /// <param name="args">Inputs and results.</param>
    void GaussianLatent(in GaussianLatentArgs args);

    /// <summary>Backward of <see cref="GaussianLatent"/>.</summary>
    /// <param name="args">The forward's arguments; its results are not read.</param>
    /// <param name="gradients">Incoming gradients and where the outgoing ones go.</param>
    void GaussianLatentBackward(in GaussianLatentArgs args, in GaussianLatentGradients gradients);

    /// <summary>AdamW over flat buffers; see <see cref="AdamWArgs"/>.</summary>
    /// <param name="args">Buffers and numbers.</param>
    void AdamW(in AdamWArgs args);

    /// <summary>average = decay * average + (1 - decay) * values.</summary>
    /// <param name="values">Current values.</param>
    /// <param name="decay">In [0, 1].</param>
    /// <param name="average">The moving average.</param>
    void Ema(Tensor values, double decay, Tensor average);

    /// <summary>norm = the Euclidean norm of all elements; scale = min(1, limit / norm), or 1 when there is no limit.</summary>
    /// <param name="x">A flat buffer.</param>
    /// <param name="limit">Largest norm wanted; 0 for none.</param>
    /// <param name="norm">One element.</param>
    /// <param name="scale">One element: what the optimizer multiplies gradients by.</param>
    void GlobalNorm(Tensor x, double limit, Tensor norm, Tensor scale);

    /// <summary>Stochastic gradient descent with momentum, optionally with LARS's trust ratio; see <see cref="SgdArgs"/>.</summary>
    /// <param name="args">Buffers and numbers.</param>
    void Sgd(in SgdArgs args);
}
