using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Objectives;

/// <summary>
/// The noise level of each image of a batch, on a device: time step, gamma, sigma, and the loss weight lambda. One table, so that a
/// batch's levels arrive by one copy.
/// </summary>
public sealed class NoiseLevels : IDisposable
{
    private readonly IBackend _backend;
    private readonly PersistentTensor? _table;

    /// <summary>Makes room for a batch.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="images">Images of a batch.</param>
    public NoiseLevels(IBackend backend, int images)
    {
        _backend = backend;
        _table = new PersistentTensor(backend, new Shape(4, images), backend.ParameterType);
        Tensor Row(int row) => _table.Tensor.Slice(row, 1).Reshape(images);
        (T, Gamma, Sigma, Lambda) = (Row(0), Row(1), Row(2), Row(3));
    }

    private NoiseLevels(NoiseLevels all, int first, int count)
    {
        _backend = all._backend;
        Tensor Part(Tensor row) => row.Slice(first, count);
        (T, Gamma, Sigma, Lambda) = (Part(all.T), Part(all.Gamma), Part(all.Sigma), Part(all.Lambda));
    }

    /// <summary>Time steps [B].</summary>
    public Tensor T { get; }

    /// <summary>Signal factors [B].</summary>
    public Tensor Gamma { get; }

    /// <summary>Noise in latent standard deviations [B].</summary>
    public Tensor Sigma { get; }

    /// <summary>Loss weights [B].</summary>
    public Tensor Lambda { get; }

    /// <summary>The levels of some images; they change with the whole.</summary>
    /// <param name="first">First image.</param>
    /// <param name="count">Number of images.</param>
    /// <returns>A view.</returns>
    public NoiseLevels Slice(int first, int count) => new(this, first, count);

    /// <summary>Sets the levels.</summary>
    /// <param name="t">Time steps [B].</param>
    /// <param name="gamma">Signal factors [B].</param>
    /// <param name="sigma">Noise [B].</param>
    /// <param name="lambda">Loss weights [B].</param>
    public void Set(ReadOnlySpan<double> t, ReadOnlySpan<double> gamma, ReadOnlySpan<double> sigma, ReadOnlySpan<double> lambda)
    {
        var table = _table ?? throw new InvalidOperationException("The levels of some images are set with those of the whole batch.");
        table.Tensor.Write(_backend, [.. t, .. gamma, .. sigma, .. lambda]);
    }

    /// <summary>Frees the memory, but for a view.</summary>
    public void Dispose() => _table?.Dispose();
}
