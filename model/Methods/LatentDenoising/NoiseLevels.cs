using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// What is drawn for each image of a batch, on a device: time step, gamma, sigma, and the loss weight lambda in one table, so that a
/// batch's levels arrive by one copy; and the label that the network is told, where it is told one.
/// </summary>
public sealed class NoiseLevels : IDisposable
{
    private readonly IBackend _backend;
    private readonly PersistentTensor? _table, _labels;

    /// <summary>Makes room for a batch.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="images">Images of a batch.</param>
    /// <param name="labelColumns">Columns of a label (see <see cref="SetLabels"/>); 0 for none.</param>
    public NoiseLevels(IBackend backend, int images, int labelColumns = 0)
    {
        _backend = backend;
        _table = new PersistentTensor(backend, new Shape(6, images), backend.ParameterType);
        Tensor Row(int row) => _table.Tensor.Slice(row, 1).Reshape(images);
        (T, Gamma, Sigma, Lambda, One, Zero) = (Row(0), Row(1), Row(2), Row(3), Row(4), Row(5));
        backend.Fill(One, 1);
        backend.Fill(Zero, 0);
        _labels = labelColumns > 0 ? new PersistentTensor(backend, new Shape(images, labelColumns), backend.ActivationType) : null;
        Labels = _labels?.Tensor;
    }

    private NoiseLevels(NoiseLevels all, int first, int count)
    {
        _backend = all._backend;
        Tensor Part(Tensor row) => row.Slice(first, count);
        (T, Gamma, Sigma, Lambda, One, Zero) = (Part(all.T), Part(all.Gamma), Part(all.Sigma), Part(all.Lambda), Part(all.One), Part(all.Zero));
        Labels = all.Labels is { } labels ? Part(labels) : null;
    }

    /// <summary>Time steps [B].</summary>
    public Tensor T { get; }

    /// <summary>Signal factors [B].</summary>
    public Tensor Gamma { get; }

    /// <summary>Noise in latent standard deviations [B].</summary>
    public Tensor Sigma { get; }

    /// <summary>Loss weights [B].</summary>
    public Tensor Lambda { get; }

    /// <summary>Ones [B]: all signal, or all noise.</summary>
    public Tensor One { get; }

    /// <summary>Zeros [B]: no noise, or no signal.</summary>
    public Tensor Zero { get; }

    /// <summary>Labels, a one in the column of each image's class [B, columns], of the activation type; or null.</summary>
    public Tensor? Labels { get; }

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
        table.Tensor.Slice(0, 4).Write(_backend, [.. t, .. gamma, .. sigma, .. lambda]);
    }

    /// <summary>Sets the labels.</summary>
    /// <param name="columns">The column of each image's class; of the column that stands for no class where the network is told none.</param>
    public void SetLabels(IReadOnlyList<int> columns)
    {
        var labels = _labels?.Tensor ?? throw new InvalidOperationException("There is no room for labels here.");
        var width = labels.Shape.Columns;
        var values = new float[labels.Shape.Count];
        for (var i = 0; i < columns.Count; i++)
        {
            values[(i * width) + columns[i]] = 1;
        }

        labels.Write(_backend, values.AsSpan());
    }

    /// <summary>Frees the memory, but for a view.</summary>
    public void Dispose()
    {
        _table?.Dispose();
        _labels?.Dispose();
    }
}
