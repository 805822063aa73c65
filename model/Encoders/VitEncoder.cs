using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Networks;

namespace LDaeCore.Model.Encoders;

/// <summary>A ViT from a file as an encoder.</summary>
public sealed class VitEncoder : IEncoder
{
    private readonly VisionTransformer _network;
    private readonly VitWeights _weights;
    private readonly int? _blocks;

    /// <summary>Loads the ViT.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="weights">The ViT.</param>
    /// <param name="blocks">Blocks after which it is read; all when left out.</param>
    public VitEncoder(IBackend backend, VitWeights weights, int? blocks)
        : this(new VisionTransformer(backend, weights.Configuration, blocks), weights, blocks) => _network.Load(weights);

    private VitEncoder(VisionTransformer network, VitWeights weights, int? blocks) => (_network, _weights, _blocks) = (network, weights, blocks);

    /// <inheritdoc/>
    public IBackend Backend => _network.Backend;

    /// <inheritdoc/>
    public int ImageSize => _network.Configuration.ImageSize;

    /// <inheritdoc/>
    public int Width => _network.Configuration.Width;

    /// <inheritdoc/>
    public PixelRange Range => _network.Configuration.Range;

    /// <inheritdoc/>
    public Tensor Tokens(Tape tape, Tensor images, long firstImage) => _network.Tokens(tape, images);

    /// <inheritdoc/>
    public Tensor Features(Tape tape, Tensor images, long firstImage) => _network.Features(tape, images);

    /// <inheritdoc/>
    public long PassBytes(int images) => _network.PassBytes(images);

    /// <inheritdoc/>
    public VitWeights ToVit() => VitCut.After(_weights, _blocks ?? _weights.Configuration.Depth);

    /// <inheritdoc/>
    public IEncoder Random(ulong seed)
    {
        var random = new VisionTransformer(Backend, _weights.Configuration, _blocks);
        random.Initialize(seed);
        return new VitEncoder(random, _weights, _blocks);
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();
}
