using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Layers;

/// <summary>
/// A pre-norm transformer block. Conditioned on time it is DiT's adaLN-Zero block: six vectors an image, made from the
/// conditioning by one linear layer, shift and scale the two normalisations and gate the two branches. Without conditioning
/// the normalisations have a weight and a bias of their own and nothing is gated: a plain ViT block.
/// </summary>
public sealed class TransformerBlock
{
    private const int ShiftAttention = 0, ScaleAttention = 1, GateAttention = 2, ShiftMlp = 3, ScaleMlp = 4, GateMlp = 5;

    private readonly NetworkShape _shape;
    private readonly LinearLayer _qkv, _projection, _fc1, _fc2;
    private readonly LinearLayer? _modulation;
    private readonly Parameter? _weight1, _bias1, _weight2, _bias2;

    /// <summary>Declares a block.</summary>
    /// <param name="parameters">Where its parameters go.</param>
    /// <param name="name">Prefix of their names, such as blocks.3.</param>
    /// <param name="shape">The network's sizes.</param>
    public TransformerBlock(ParameterSet parameters, string name, NetworkShape shape)
    {
        _shape = shape;
        var width = shape.Width;
        if (shape.TimeWidth > 0)
        {
            var start = Initializer.Normal(shape.GateStd);
            _modulation = new LinearLayer(parameters, $"{name}.adaln", shape.TimeWidth, 6 * width, start, start);
        }
        else
        {
            (_weight1, _bias1) = Affine(parameters, $"{name}.norm1", width);
            (_weight2, _bias2) = Affine(parameters, $"{name}.norm2", width);
        }

        _qkv = new LinearLayer(parameters, $"{name}.attn.qkv", width, 3 * width);
        _projection = new LinearLayer(parameters, $"{name}.attn.proj", width, width);
        _fc1 = new LinearLayer(parameters, $"{name}.mlp.fc1", width, shape.MlpRatio * width);
        _fc2 = new LinearLayer(parameters, $"{name}.mlp.fc2", shape.MlpRatio * width, width);
    }

    /// <summary>The bias of the modulation [6 * width]: chunks 2 and 5 are the gates. Null without time conditioning.</summary>
    public Parameter? ModulationBias => _modulation?.Bias;

    /// <summary>Runs the block.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="stream">Tokens in.</param>
    /// <param name="condition">[B, TimeWidth], or null without conditioning.</param>
    /// <returns>Tokens out; the MLP's branch is still to be added.</returns>
    public ResidualStream Apply(Tape tape, ResidualStream stream, Tensor? condition)
    {
        var table = _modulation is { } modulation ? modulation.Apply(tape, condition!) : null;
        var (h, a) = stream.Normalize(tape, Chunk(table, ShiftAttention), Chunk(table, ScaleAttention), _weight1?.Value, _bias1?.Value);
        var mixed = Attention.Apply(tape, _qkv.Apply(tape, a), _shape.Heads, _shape.Tokens);
        var attended = new ResidualStream(h, _projection.Apply(tape, mixed), Chunk(table, GateAttention));

        var (h2, m) = attended.Normalize(tape, Chunk(table, ShiftMlp), Chunk(table, ScaleMlp), _weight2?.Value, _bias2?.Value);
        var hidden = _shape.Activation == ActivationKind.GeluErf ? GeluErf.Apply(tape, _fc1.Apply(tape, m)) : _fc1.Apply(tape, m, gelu: true);
        var branch = _fc2.Apply(tape, hidden);
        return new ResidualStream(h2, branch, Chunk(table, GateMlp));
    }

    private static Modulation? Chunk(Tensor? table, int chunk) => table is null ? null : new Modulation(table, chunk);

    private static (Parameter Weight, Parameter Bias) Affine(ParameterSet parameters, string name, int width) => (
        parameters.Declare($"{name}.weight", new Shape(width), Initializer.Constant(1)),
        parameters.Declare($"{name}.bias", new Shape(width), Initializer.Zeros));
}
