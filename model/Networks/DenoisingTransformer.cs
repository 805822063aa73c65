using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Layers;

namespace LDaeCore.Model.Networks;

/// <summary>
/// The paper's network: patches to tokens with fixed 2-D sine-cosine positions, an encoder and a decoder of transformer blocks,
/// and a linear layer back to patches. Encoder and decoder are one stack; the split only says where a probe reads.
/// </summary>
public sealed class DenoisingTransformer : IDisposable
{
    private readonly IBackend _backend;
    private readonly Parameter _embedWeight, _embedBias;
    private readonly TimeConditioning? _time;
    private readonly TransformerBlock[] _blocks;
    private readonly long[] _starts;
    private readonly LinearLayer? _finalModulation;
    private readonly Parameter? _finalWeight, _finalBias;
    private readonly LinearLayer _output;
    private PersistentTensor? _positions;

    /// <summary>Declares the network's parameters.</summary>
    /// <param name="parameters">Where they go; allocated by the caller afterwards.</param>
    /// <param name="shape">Sizes.</param>
    public DenoisingTransformer(ParameterSet parameters, NetworkShape shape)
    {
        _backend = parameters.Backend;
        Shape = shape;
        Parameters = parameters;
        _embedWeight = parameters.Declare(
            "patch_embed.weight", new Shape(shape.Width, shape.InputSize), Initializer.XavierUniform(shape.Width, shape.InputSize));
        _embedBias = parameters.Declare("patch_embed.bias", new Shape(shape.Width), Initializer.Zeros);
        _time = shape.TimeWidth > 0 ? new TimeConditioning(parameters, shape.TimeWidth, shape.TellsTime, shape.LabelColumns) : null;
        (_blocks, _starts) = (new TransformerBlock[shape.Depth], new long[shape.Depth + 1]);
        for (var i = 0; i < shape.Depth; i++)
        {
            _starts[i] = parameters.FlatCount;
            _blocks[i] = new TransformerBlock(parameters, $"blocks.{i}", shape);
        }

        _starts[^1] = parameters.FlatCount;
        var start = Initializer.Normal(shape.GateStd);
        if (_time is not null)
        {
            _finalModulation = new LinearLayer(parameters, "final.adaln", shape.TimeWidth, 2 * shape.Width, start, start);
        }
        else
        {
            _finalWeight = parameters.Declare("final.norm.weight", new Shape(shape.Width), Initializer.Constant(1));
            _finalBias = parameters.Declare("final.norm.bias", new Shape(shape.Width), Initializer.Zeros);
        }

        _output = new LinearLayer(parameters, "final.linear", shape.Width, shape.OutputSize, start, start);
    }

    /// <summary>Sizes.</summary>
    public NetworkShape Shape { get; }

    /// <summary>The network's parameters.</summary>
    public ParameterSet Parameters { get; }

    private Tensor Positions => (_positions ??= NewPositions()).Tensor;

    /// <summary>Predicts patches: encoder, decoder, final layer.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="patches">[B, T, InputSize].</param>
    /// <param name="t">Time steps [B], of the parameter type.</param>
    /// <param name="labels">[B, LabelColumns], where the network is told labels.</param>
    /// <returns>[B, T, OutputSize].</returns>
    public Tensor Predict(Tape tape, Tensor patches, Tensor t, Tensor? labels = null)
    {
        var condition = Condition(tape, t, labels);
        var stream = Run(tape, patches, condition, Shape.Depth);
        tape.Mark(_starts[^1]);
        tape.Owner = "final layer";
        var table = _finalModulation?.Apply(tape, condition!);
        var (_, y) = stream.Normalize(
            tape, table is null ? null : new Modulation(table, 0), table is null ? null : new Modulation(table, 1), _finalWeight?.Value, _finalBias?.Value);
        var prediction = _output.Apply(tape, y);
        return prediction.Reshape(patches.Shape[0], Shape.Tokens, Shape.OutputSize);
    }

    /// <summary>The tokens after some blocks: what a probe reads.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="patches">[B, T, InputSize].</param>
    /// <param name="t">Time steps [B].</param>
    /// <param name="blocks">Number of blocks to run, 0..Depth.</param>
    /// <param name="labels">[B, LabelColumns], where the network is told labels.</param>
    /// <returns>[B, T, Width].</returns>
    public Tensor Encode(Tape tape, Tensor patches, Tensor t, int blocks, Tensor? labels = null) =>
        Run(tape, patches, Condition(tape, t, labels), blocks).Tokens(tape).Reshape(patches.Shape[0], Shape.Tokens, Shape.Width);

    /// <summary>
    /// Opens every gate to 1 and sets shifts and scales to 0: a plain ViT at random initialisation, the fair random control of a
    /// probe. With adaLN-Zero's own zero gates every block is the identity and the "encoder" is the mean patch.
    /// </summary>
    public void OpenGates()
    {
        foreach (var block in _blocks)
        {
            if (block.ModulationBias is { } bias)
            {
                var values = new double[bias.Shape.Count];
                var width = Shape.Width;
                values.AsSpan(2 * width, width).Fill(1);
                values.AsSpan(5 * width, width).Fill(1);
                bias.Value.Write(_backend, values);
                var weight = Parameters[bias.Name.Replace(".bias", ".weight", StringComparison.Ordinal)];
                _backend.Fill(weight.Value, 0);
            }
        }
    }

    /// <summary>Frees the position table.</summary>
    public void Dispose() => _positions?.Dispose();

    private Tensor? Condition(Tape tape, Tensor t, Tensor? labels)
    {
        tape.Owner = "conditioning";
        return _time?.Apply(tape, t, labels);
    }

    private ResidualStream Run(Tape tape, Tensor patches, Tensor? condition, int blocks)
    {
        tape.Owner = "patch embedding";
        var tokens = LDaeCore.Engine.Ops.PatchEmbed.Apply(tape, patches, _embedWeight.Value, _embedBias.Value, Positions);
        var stream = new ResidualStream(tokens, null, null);
        for (var i = 0; i < blocks; i++)
        {
            tape.Mark(_starts[i]);
            tape.Owner = $"block {i}";
            stream = !tape.Recording ? NoGrad(tape, _blocks[i], stream, condition)
                : Shape.Recompute ? Recomputed(tape, _blocks[i], stream, condition)
                : _blocks[i].Apply(tape, stream, condition);
        }

        return stream;
    }

    /// <summary>A block of which only the results are kept: stream, branch, and the table that holds the branch's gate.</summary>
    private static ResidualStream Recomputed(Tape tape, TransformerBlock block, ResidualStream stream, Tensor? condition)
    {
        var chunk = 0;
        var results = Recompute.Run(tape, () =>
        {
            var (h, branch, gate) = block.Apply(tape, stream, condition);
            chunk = gate?.Chunk ?? 0;
            return gate is { } g ? [h, branch!, g.Table] : [h, branch!];
        });
        return new ResidualStream(results[0], results[1], results.Length > 2 ? new Modulation(results[2], chunk) : null);
    }

    /// <summary>A block of a pass that will not be differentiated: what it made goes back, and what it read as well.</summary>
    internal static ResidualStream NoGrad(Tape tape, TransformerBlock block, ResidualStream stream, Tensor? condition)
    {
        var next = default(ResidualStream);
        tape.WithoutRecording(() =>
        {
            next = block.Apply(tape, stream, condition);
            return next.Gate is { } gate ? [next.H, next.Branch!, gate.Table] : [next.H, next.Branch!];
        });
        foreach (var read in new[] { stream.H, stream.Branch, stream.Gate?.Table })
        {
            if (read is not null && read != next.H)
            {
                tape.Free(read);
            }
        }

        return next;
    }

    private PersistentTensor NewPositions()
    {
        var table = new PersistentTensor(_backend, new Shape(Shape.Tokens, Shape.Width), _backend.ActivationType);
        table.Tensor.Write(_backend, SinCosPositions.Table(Shape.Grid, Shape.Width));
        return table;
    }
}
