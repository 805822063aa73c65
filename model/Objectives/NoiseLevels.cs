using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Objectives;

/// <summary>The noise level of each image of a batch, on a device: time step, gamma, sigma, and the loss weight lambda.</summary>
public sealed class NoiseLevels : IDisposable
{
    private readonly IBackend _backend;
    private readonly PersistentTensor _t, _gamma, _sigma, _lambda;

    /// <summary>Makes room for a batch.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="images">Images of a batch.</param>
    public NoiseLevels(IBackend backend, int images)
    {
        _backend = backend;
        PersistentTensor New() => new(backend, new Shape(images), backend.ParameterType);
        (_t, _gamma, _sigma, _lambda) = (New(), New(), New(), New());
    }

    /// <summary>Time steps [B].</summary>
    public Tensor T => _t.Tensor;

    /// <summary>Signal factors [B].</summary>
    public Tensor Gamma => _gamma.Tensor;

    /// <summary>Noise in latent standard deviations [B].</summary>
    public Tensor Sigma => _sigma.Tensor;

    /// <summary>Loss weights [B].</summary>
    public Tensor Lambda => _lambda.Tensor;

    /// <summary>Sets the levels.</summary>
    /// <param name="t">Time steps [B].</param>
    /// <param name="gamma">Signal factors [B].</param>
    /// <param name="sigma">Noise [B].</param>
    /// <param name="lambda">Loss weights [B].</param>
    public void Set(ReadOnlySpan<double> t, ReadOnlySpan<double> gamma, ReadOnlySpan<double> sigma, ReadOnlySpan<double> lambda)
    {
        T.Write(_backend, t);
        Gamma.Write(_backend, gamma);
        Sigma.Write(_backend, sigma);
        Lambda.Write(_backend, lambda);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _t.Dispose();
        _gamma.Dispose();
        _sigma.Dispose();
        _lambda.Dispose();
    }
}
