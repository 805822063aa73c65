using static TorchSharp.torch;

namespace LDaeCore.TorchRival;

/// <summary>
/// One optimizer step as model/Training/Trainer.cs does it: bytes to patches, noise in the latent space, the network, the loss of
/// equation 4, its gradient, clipping, AdamW, the moving average.
/// </summary>
internal sealed class TrainingStep
{
    private const int Levels = 1000;
    private const double KeptWeight = 1, ResidualWeight = 0.1, EmaDecay = 0.9999;

    private readonly StepSizes _sizes;
    private readonly Denoiser _network;
    private readonly optim.Optimizer _optimizer;
    private readonly Tensor[] _average;
    private readonly Tensor _pixels, _mean, _basis, _std;

    public TrainingStep(StepSizes sizes)
    {
        _sizes = sizes;
        using var scope = NewDisposeScope();
        _network = new Denoiser(sizes);
        _optimizer = optim.AdamW(
            _network.Parameters, lr: 1e-3, beta1: 0.9, beta2: sizes.Beta2, eps: 1e-8, weight_decay: 0);
        _average = sizes.Ema ? [.. _network.Parameters.Select(p => p.detach().clone().DetachFromDisposeScope())] : [];
        _pixels = randint(0, 256, [sizes.Batch, sizes.Image, sizes.Image, 3], dtype: ScalarType.Byte).DetachFromDisposeScope();
        _mean = (0.1 * randn(sizes.PatchValues)).DetachFromDisposeScope();
        _basis = linalg.qr(randn(sizes.PatchValues, sizes.PatchValues)).Q[..sizes.Dim].contiguous().DetachFromDisposeScope();
        _std = ones(sizes.Dim).DetachFromDisposeScope();
    }

    public long ParameterCount => _network.ParameterCount;

    /// <summary>Does the step; returns the loss.</summary>
    public double Run()
    {
        using var scope = NewDisposeScope();
        _optimizer.zero_grad();
        var clean = Patchify();
        var t = randint(1, Levels + 1, [_sizes.Batch]).to(ScalarType.Float32);
        var sigma = t * (Math.Sqrt(2) / Levels);
        var lambda = 1 / (1 + (sigma * sigma));
        var loss = Loss(_network.Forward(Noise(clean, sigma), t), clean, lambda);
        loss.backward();
        if (_sizes.Clip > 0)
        {
            nn.utils.clip_grad_norm_(_network.Parameters, _sizes.Clip);
        }

        _optimizer.step();
        Average();
        return loss.item<float>();
    }

    private Tensor Patchify()
    {
        var (grid, patch) = (_sizes.Grid, _sizes.Patch);
        var values = (_pixels.to(ScalarType.Float32) * (2.0 / 255)) - 1;
        return values.view(_sizes.Batch, grid, patch, grid, patch, 3).permute(0, 1, 3, 2, 4, 5).reshape(_sizes.Batch, _sizes.Tokens, _sizes.PatchValues);
    }

    private Tensor Noise(Tensor clean, Tensor sigma)
    {
        var z = matmul(clean - _mean, _basis.t()) / _std;
        z = z + (sigma.view(-1, 1, 1) * randn_like(z));
        return _mean + matmul(z * _std, _basis);
    }

    private Tensor Loss(Tensor prediction, Tensor clean, Tensor lambda)
    {
        var r = prediction - clean;
        var kept = matmul(r, _basis.t()).square().sum(-1);
        var all = r.square().sum(-1);
        var error = (ResidualWeight * all) + ((KeptWeight - ResidualWeight) * kept);
        return (lambda.unsqueeze(1) * error).mean() / _sizes.PatchValues;
    }

    private void Average()
    {
        using var frozen = no_grad();
        for (var i = 0; i < _average.Length; i++)
        {
            _average[i].lerp_(_network.Parameters[i].detach(), 1 - EmaDecay);
        }
    }
}
