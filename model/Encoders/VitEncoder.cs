using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Networks;

namespace LDaeCore.Model.Encoders;

/// <summary>A plain ViT as an encoder: one from a file, or one that is being trained.</summary>
public sealed class VitEncoder : IEncoder
{
    private readonly VisionTransformer _network;
    private readonly int _blocks;
    private readonly bool _ownsNetwork;
    private readonly VitWeights? _weights;

    /// <summary>Loads a ViT.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="weights">The ViT.</param>
    /// <param name="blocks">Blocks after which it is read; all when left out.</param>
    public VitEncoder(IBackend backend, VitWeights weights, int? blocks)
        : this(new VisionTransformer(backend, weights.Configuration, blocks), blocks ?? weights.Configuration.Depth, ownsNetwork: true)
    {
        _network.Load(weights);
        _weights = weights;
    }


    /// <summary>Reads a network.</summary>
    /// <param name="network">The network; it must outlive the encoder.</param>
    /// <param name="blocks">Blocks after which it is read.</param>
    public VitEncoder(VisionTransformer network, int blocks)
        : this(network, blocks, ownsNetwork: false)
    {
    }

    private VitEncoder(VisionTransformer network, int blocks, bool ownsNetwork) => (_network, _blocks, _ownsNetwork) = (network, blocks, ownsNetwork);

    /// <inheritdoc/>
    public IBackend Backend => _network.Backend;

    /// <inheritdoc/>
    public int ImageSize => _network.Configuration.ImageSize;

    /// <inheritdoc/>
    public int Width => _network.Configuration.Width;

    /// <inheritdoc/>
    public PixelRange Range => _network.Configuration.Range;

    /// <inheritdoc/>
    public Tensor Tokens(Tape tape, Tensor images, long firstImage) => _network.Tokens(tape, images, _blocks);

    /// <inheritdoc/>
    public Tensor Features(Tape tape, Tensor images, long firstImage) => _network.Features(tape, images, _blocks);

    /// <inheritdoc/>
    public long PassBytes(int images) => _network.PassBytes(images, _blocks);

    /// <inheritdoc/>
    public VitWeights ToVit() => VitCut.After(_weights ?? _network.Weights(), _blocks);

    /// <inheritdoc/>
    public IEncoder Random(ulong seed)
    {
        var random = new VisionTransformer(Backend, _network.Configuration, _blocks);
        random.Initialize(seed);
        return new VitEncoder(random, _blocks, ownsNetwork: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsNetwork)
        {
            _network.Dispose();
        }
    }
}
