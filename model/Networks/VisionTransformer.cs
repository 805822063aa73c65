using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Layers;

namespace LDaeCore.Model.Networks;

/// <summary>
/// A plain ViT as others train it (Dosovitskiy et al. 2021): patches to tokens, a class token or none, positions from a table, blocks with
/// affine normalisations, a last normalisation or none, and one feature an image. Without a class token it can be trained; its positions are fixed.
/// </summary>
public sealed class VisionTransformer : IDisposable
{
    private readonly VitConfiguration _configuration;
    private readonly Parameter _embedWeight, _embedBias;
    private readonly TransformerBlock[] _blocks;
    private readonly Parameter? _normWeight, _normBias;
    private readonly PersistentTensor _positions, _range;
    private readonly bool _ownsParameters;
    private readonly long[] _starts;

    /// <summary>Allocates the network; its parameters are undefined until <see cref="Load"/> or <see cref="Initialize"/>.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="configuration">Sizes, and how features are read.</param>
    /// <param name="blocks">Blocks to run; features of fewer than all are not normalised. All when left out.</param>
    public VisionTransformer(IBackend backend, VitConfiguration configuration, int? blocks = null)
        : this(new ParameterSet(backend), configuration, blocks)
    {
        _ownsParameters = true;
        Parameters.Allocate(gradients: false);
    }

    /// <summary>Declares the network's parameters for training; fixed sine-cosine positions are written at once.</summary>
    /// <param name="parameters">Where they go; allocated and initialized by the caller afterwards.</param>
    /// <param name="configuration">Sizes, without a class token, and how features are read.</param>
    public VisionTransformer(ParameterSet parameters, VitConfiguration configuration)
        : this(parameters, configuration, null)
    {
        if (configuration.ClassToken)
        {
            throw new ArgumentException("A network with a class token is not trained.", nameof(configuration));
        }

        PlaceFixed([]);
    }

    private VisionTransformer(ParameterSet parameters, VitConfiguration configuration, int? blocks)
    {
        var backend = parameters.Backend;
        (Backend, _configuration, Blocks) = (backend, configuration, blocks ?? configuration.Depth);
        var (shape, width) = (configuration.ToShape(), configuration.Width);
        Parameters = parameters;
        _embedWeight = Parameters.Declare("patch_embed.weight", new Shape(width, shape.InputSize), Initializer.XavierUniform(width, shape.InputSize));
        _embedBias = Parameters.Declare("patch_embed.bias", new Shape(width), Initializer.Zeros);
        (_blocks, _starts) = (new TransformerBlock[Blocks], new long[Blocks + 1]);
        for (var i = 0; i < Blocks; i++)
        {
            _starts[i] = Parameters.FlatCount;
            _blocks[i] = new TransformerBlock(Parameters, $"blocks.{i}", shape);
        }

        _starts[^1] = Parameters.FlatCount;
        if (Blocks == configuration.Depth && configuration.NormName is { } norm)
        {
            _normWeight = Parameters.Declare($"{norm}.weight", new Shape(width), Initializer.Constant(1));
            _normBias = Parameters.Declare($"{norm}.bias", new Shape(width), Initializer.Zeros);
        }

        _positions = new PersistentTensor(backend, new Shape(shape.Tokens, width), backend.ActivationType);
        _range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _range.Tensor.Write(backend, configuration.Range.ToArray());
    }

    /// <summary>The device.</summary>
    public IBackend Backend { get; }

    /// <summary>Sizes, and how features are read.</summary>
    public VitConfiguration Configuration => _configuration;

    /// <summary>Blocks that are run.</summary>
    public int Blocks { get; }

    /// <summary>The parameters, without positions and class token.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Takes weights.</summary>
    /// <param name="weights">Of the same configuration.</param>
    public void Load(VitWeights weights)
    {
        foreach (var parameter in Parameters.All)
        {
            parameter.Value.Write(Backend, parameter == _embedWeight ? weights.PatchWeight()
                : weights.Values[parameter == _embedBias ? "patch_embed.proj.bias" : parameter.Name]);
        }

        var token = _configuration.ClassToken ? Array.ConvertAll(weights.Values["cls_token"], v => (double)v) : [];
        Place(Array.ConvertAll(weights.Values["pos_embed"], v => (double)v), token, Array.ConvertAll(weights.Values["patch_embed.proj.bias"], v => (double)v));
    }

    /// <summary>The weights of a network that is trained, as they are now, under timm's names.</summary>
    /// <returns>A copy in host memory.</returns>
    public VitWeights Weights()
    {
        if (_configuration.ClassToken)
        {
            throw new InvalidOperationException("The weights of a network with a class token are those of its file.");
        }

        var values = Parameters.All.Where(p => IsOwn(p.Name)).ToDictionary(p => p.Name, p => p.Value.ReadFloats(Backend), StringComparer.Ordinal);
        values.Remove("patch_embed.weight", out var weight);
        values.Remove("patch_embed.bias", out var bias);
        values["patch_embed.proj.weight"] = VitWeights.ChannelsFirst(weight!, _configuration);
        values["patch_embed.proj.bias"] = bias!;
        values["pos_embed"] = _positions.Tensor.ReadFloats(Backend);
        return new VitWeights(_configuration, values);
    }

    /// <summary>Whether a parameter of the set is the network's: a head may stand beside it.</summary>
    private bool IsOwn(string name) =>
        name.StartsWith("patch_embed.", StringComparison.Ordinal) || name.StartsWith("blocks.", StringComparison.Ordinal)
        || (_configuration.NormName is { } norm && name.StartsWith(norm + ".", StringComparison.Ordinal));

    /// <summary>A random start, the control of a probe: fixed positions, a class token near zero.</summary>
    /// <param name="seed">Its seed.</param>
    public void Initialize(ulong seed)
    {
        Parameters.Initialize(seed);
        var width = _configuration.Width;
        var token = new double[_configuration.ClassToken ? width : 0];
        Initializer.Normal(0.02).Fill(seed, Parameters.All.Count, token);
        PlaceFixed(token);
    }

    /// <summary>Writes sine-cosine positions behind a class token, if there is one.</summary>
    private void PlaceFixed(double[] token)
    {
        var width = _configuration.Width;

        // Sine-cosine tables take a width that four divides; the last columns of others stay zero.
        var (columns, table) = (width / 4 * 4, new double[_configuration.Tokens * width]);
        var positions = columns > 0 ? SinCosPositions.Table(_configuration.Grid, columns) : [];
        for (var i = 0; i < positions.Length; i++)
        {
            table[token.Length + (i / columns * width) + (i % columns)] = positions[i];
        }

        Place(table, token, new double[width]);
    }

    /// <summary>The features of a batch.</summary>
    /// <param name="tape">Records them.</param>
    /// <param name="images">U8 [B, H, W, 3] of the configuration's size.</param>
    /// <param name="blocks">Blocks after which the tokens are read; all when left out.</param>
    /// <returns>[B, Width].</returns>
    public Tensor Features(Tape tape, Tensor images, int? blocks = null)
    {
        var tokens = Tokens(tape, images, blocks);
        var pooled = _configuration.ClassToken
            ? Pool(tape, tokens.Reshape(images.Shape[0] * _configuration.Tokens, _configuration.Width), images.Shape[0])
            : MeanPool.Apply(tape, tokens);
        return _normWeight is null || IsCut(blocks) || NormalizesTokens ? pooled : Normalization.Apply(tape, pooled, weight: _normWeight.Value, bias: _normBias!.Value);
    }

    /// <summary>The tokens of a batch after the last block, normalised where the network normalises tokens; the class token comes first.</summary>
    /// <param name="tape">Records them.</param>
    /// <param name="images">U8 [B, H, W, 3] of the configuration's size.</param>
    /// <param name="blocks">Blocks after which the tokens are read; all when left out.</param>
    /// <returns>[B, Tokens, Width].</returns>
    public Tensor Tokens(Tape tape, Tensor images, int? blocks = null)
    {
        tape.Owner = "patch embedding";
        var patches = Patchify.Apply(tape, images, _configuration.Patch, _range.Tensor);
        var tokens = PatchEmbed.Apply(tape, _configuration.ClassToken ? Prefixed(tape, patches) : patches, _embedWeight.Value, _embedBias.Value, _positions.Tensor);
        var stream = new ResidualStream(tokens, null, null);
        for (var i = 0; i < (blocks ?? Blocks); i++)
        {
            tape.Mark(_starts[i]);
            tape.Owner = $"block {i}";
            stream = tape.Recording ? _blocks[i].Apply(tape, stream, null) : DenoisingTransformer.NoGrad(tape, _blocks[i], stream, null);
        }

        tape.Mark(_starts[^1]);
        tape.Owner = "feature";
        var final = NormalizesTokens && !IsCut(blocks) ? stream.Normalize(tape, null, null, _normWeight!.Value, _normBias!.Value).Y : stream.Tokens(tape);
        return final.Reshape(images.Shape[0], _configuration.Tokens, _configuration.Width);
    }

    /// <summary>The last normalisation was trained for the last block: tokens of an earlier one are read as they are.</summary>
    private bool IsCut(int? blocks) => blocks < _configuration.Depth;

    private bool NormalizesTokens => _normWeight is not null && _configuration.Norm == VitNorm.Tokens;

    /// <summary>Bytes of step memory that <see cref="Features"/> needs, found by walking it on a device without memory.</summary>
    /// <param name="images">Images of a batch.</param>
    /// <param name="blocks">Blocks after which the tokens are read; all when left out.</param>
    /// <returns>The bytes.</returns>
    public long PassBytes(int images, int? blocks = null)
    {
        using var backend = new PlanBackend(Backend.ActivationType, Backend.ParameterType);
        using var plan = new VisionTransformer(backend, _configuration, Blocks);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        using var batch = new PersistentTensor(backend, new Shape(images, _configuration.ImageSize, _configuration.ImageSize, 3), DType.U8);
        var tape = new Tape(backend, arena);
        tape.WithoutRecording(() => [plan.Features(tape, batch.Tensor, blocks)]);
        return arena.Peak;
    }

    /// <summary>Frees everything.</summary>
    public void Dispose()
    {
        _positions.Dispose();
        _range.Dispose();
        if (_ownsParameters)
        {
            Parameters.Dispose();
        }
    }

    /// <summary>
    /// Writes the positions. The class token's row is what the embedding of an empty patch lacks to be the token: token + position - bias.
    /// </summary>
    private void Place(double[] positions, double[] token, double[] bias)
    {
        for (var i = 0; i < token.Length; i++)
        {
            positions[i] += token[i] - bias[i];
        }

        _positions.Tensor.Write(Backend, positions);
    }

    /// <summary>An empty patch before those of each image: the class token goes through the embedding with the others, at no kernel of its own.</summary>
    private Tensor Prefixed(Tape tape, Tensor patches)
    {
        int images = patches.Shape[0], patchesEach = patches.Shape[1], values = patches.Shape[2];
        var all = tape.New(new Shape(images * (patchesEach + 1), values));
        Backend.Fill(all, 0);
        for (var i = 0; i < images; i++)
        {
            Backend.Copy(patches.Slice(i, 1).Reshape(patchesEach, values), all.Slice((i * (patchesEach + 1)) + 1, patchesEach));
        }

        return all.Reshape(images, patchesEach + 1, values);
    }

    private Tensor Pool(Tape tape, Tensor tokens, int images)
    {
        int all = _configuration.Tokens, width = _configuration.Width;
        var (first, count) = _configuration.Pooling == FeaturePooling.Cls ? (0, 1) : (1, all - 1);
        var some = tape.New(new Shape(images * count, width));
        for (var i = 0; i < images; i++)
        {
            Backend.Copy(tokens.Slice((i * all) + first, count), some.Slice(i * count, count));
        }

        return count == 1 ? some : MeanPool.Apply(tape, some.Reshape(images, count, width));
    }
}
