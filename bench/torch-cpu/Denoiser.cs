using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LDaeCore.TorchRival;

/// <summary>
/// The network of model/Networks/DenoisingTransformer.cs, line by line: patch embedding with fixed positions, adaLN-Zero blocks (or
/// plain ones without time), a modulated final layer. Biases, widths and start are the same; so is the number of parameters.
/// </summary>
internal sealed class Denoiser
{
    private const double Eps = 1e-6;
    private const int SinusoidWidth = 256;

    private readonly StepSizes _sizes;
    private readonly List<TorchSharp.Modules.Parameter> _parameters = [];
    private readonly (Tensor Weight, Tensor Bias) _embed, _output;
    private readonly (Tensor Weight, Tensor Bias)? _time0, _time2, _finalModulation, _finalNorm;
    private readonly Block[] _blocks;
    private readonly Tensor _positions, _frequencies;

    public Denoiser(StepSizes sizes)
    {
        _sizes = sizes;
        var (width, time) = (sizes.Width, sizes.TimeWidth);
        _embed = Linear(sizes.PatchValues, width);
        _time0 = time > 0 ? Linear(SinusoidWidth, time, 0.02) : null;
        _time2 = time > 0 ? Linear(time, time, 0.02) : null;
        _blocks = [.. Enumerable.Range(0, sizes.Depth).Select(_ => new Block(
            time > 0 ? Linear(time, 6 * width, 0) : null,
            time > 0 ? null : Norm(width),
            time > 0 ? null : Norm(width),
            Linear(width, 3 * width),
            Linear(width, width),
            Linear(width, 4 * width),
            Linear(4 * width, width)))];
        _finalModulation = time > 0 ? Linear(time, 2 * width, 0) : null;
        _finalNorm = time > 0 ? null : Norm(width);
        _output = Linear(width, sizes.PatchValues, 0);
        _positions = Positions(sizes.Grid, width).DetachFromDisposeScope();
        _frequencies = exp(arange(SinusoidWidth / 2, dtype: ScalarType.Float32) * (-Math.Log(10000) / (SinusoidWidth / 2))).DetachFromDisposeScope();
    }

    public IReadOnlyList<TorchSharp.Modules.Parameter> Parameters => _parameters;

    public long ParameterCount => _parameters.Sum(p => p.numel());

    /// <summary>Patches [B, T, D] and time steps [B] to patches.</summary>
    public Tensor Forward(Tensor patches, Tensor t)
    {
        Tensor? condition = null;
        if (_time0 is { } first && _time2 is { } second)
        {
            var angles = t.unsqueeze(1) * _frequencies;
            condition = F.silu(Apply(second, F.silu(Apply(first, cat([angles.cos(), angles.sin()], 1)))));
        }

        var x = Apply(_embed, patches) + _positions;
        foreach (var block in _blocks)
        {
            x = Run(block, x, condition);
        }

        if (_finalModulation is { } modulation)
        {
            var parts = Apply(modulation, condition!).unsqueeze(1).chunk(2, -1);
            return Apply(_output, Modulate(LayerNorm(x, null), parts[0], parts[1]));
        }

        return Apply(_output, LayerNorm(x, _finalNorm));
    }

    private Tensor Run(Block block, Tensor x, Tensor? condition)
    {
        if (block.Modulation is not { } modulation)
        {
            x = x + Attention(block, LayerNorm(x, block.Norm1));
            return x + Mlp(block, LayerNorm(x, block.Norm2));
        }

        var parts = Apply(modulation, condition!).unsqueeze(1).chunk(6, -1);
        x = x + (parts[2] * Attention(block, Modulate(LayerNorm(x, null), parts[0], parts[1])));
        return x + (parts[5] * Mlp(block, Modulate(LayerNorm(x, null), parts[3], parts[4])));
    }

    private Tensor Attention(Block block, Tensor x)
    {
        var (batch, tokens, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var qkv = Apply(block.Qkv, x).view(batch, tokens, 3, _sizes.Heads, width / _sizes.Heads).permute(2, 0, 3, 1, 4);
        var mixed = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
        return Apply(block.Projection, mixed.transpose(1, 2).reshape(batch, tokens, width));
    }

    private static Tensor Mlp(Block block, Tensor x) => Apply(block.Fc2, F.gelu(Apply(block.Fc1, x), TorchSharp.Modules.GELU.Approximate.tanh));

    private static Tensor Modulate(Tensor x, Tensor shift, Tensor scale) => (x * (1 + scale)) + shift;

    private static Tensor LayerNorm(Tensor x, (Tensor Weight, Tensor Bias)? affine) =>
        F.layer_norm(x, [x.shape[^1]], affine?.Weight, affine?.Bias, Eps);

    private static Tensor Apply((Tensor Weight, Tensor Bias) layer, Tensor x) => F.linear(x, layer.Weight, layer.Bias);

    /// <summary>A weight and a bias: Xavier uniform and zeros, or both from N(0, std^2) when a spread is given (as zeros for 0).</summary>
    private (Tensor Weight, Tensor Bias) Linear(int inputs, int outputs, double? std = null)
    {
        var a = Math.Sqrt(6.0 / (inputs + outputs));
        var weight = std is { } s ? randn(outputs, inputs) * s : (rand(outputs, inputs) * (2 * a)) - a;
        return (Keep(weight), Keep(zeros(outputs)));
    }

    private (Tensor Weight, Tensor Bias) Norm(int width) => (Keep(ones(width)), Keep(zeros(width)));

    private TorchSharp.Modules.Parameter Keep(Tensor start)
    {
        var parameter = new TorchSharp.Modules.Parameter(start.detach().clone(), requires_grad: true);
        _parameters.Add(parameter);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>The fixed table of model/Layers/SinCosPositions.cs.</summary>
    private static Tensor Positions(int grid, int width)
    {
        var quarter = width / 4;
        var frequencies = exp(arange(quarter, dtype: ScalarType.Float32) * (-Math.Log(10000) / quarter));
        var places = arange(grid * grid, dtype: ScalarType.Float32);
        var rows = floor(places / grid);
        var columns = places - (rows * grid);
        var (x, y) = (columns.unsqueeze(1) * frequencies, rows.unsqueeze(1) * frequencies);
        return cat([x.sin(), x.cos(), y.sin(), y.cos()], 1);
    }

    private sealed record Block(
        (Tensor Weight, Tensor Bias)? Modulation,
        (Tensor Weight, Tensor Bias)? Norm1,
        (Tensor Weight, Tensor Bias)? Norm2,
        (Tensor Weight, Tensor Bias) Qkv,
        (Tensor Weight, Tensor Bias) Projection,
        (Tensor Weight, Tensor Bias) Fc1,
        (Tensor Weight, Tensor Bias) Fc2);
}
