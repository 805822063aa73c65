using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Networks;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>A block and the whole network, forward and backward, every parameter under its own name, against PyTorch's.</summary>
[TestFixtureSource(typeof(GoldenBackend), nameof(GoldenBackend.All))]
public sealed class NetworkGoldenTests(GoldenBackend backend)
{
    [TestCase("block_adaln")]
    [TestCase("block_affine")]
    public void A_block(string file)
    {
        const string prefix = "blocks.0.";
        using var run = new GoldenRun(backend, file, prefix);
        var shape = new NetworkShape
        {
            Width = run.File.Size("width"),
            Depth = 1,
            EncoderDepth = 1,
            Heads = run.File.Size("heads"),
            Grid = run.File.Size("grid"),
            InputSize = 1,
            OutputSize = 1,
            TimeWidth = run.File.Size("time_width"),
        };
        var block = new TransformerBlock(run.Parameters, prefix.TrimEnd('.'), shape);
        run.LoadParameters();
        var x = run.Input("x", null, run.File.Sizes("in.x")[0] * shape.Tokens, shape.Width);
        var condition = shape.TimeWidth > 0 ? run.Input("condition") : null;
        run.CompareThroughBackward(block.Apply(run.Tape, new ResidualStream(x, null, null), condition).Tokens(run.Tape));
        run.Finish();
    }

    [Test]
    public void The_denoiser([Values("denoiser_time", "denoiser_plain")] string file, [Values] bool recompute)
    {
        using var run = new GoldenRun(backend, file);
        using var network = new DenoisingTransformer(run.Parameters, new NetworkShape
        {
            Width = run.File.Size("width"),
            Depth = run.File.Size("depth"),
            EncoderDepth = run.File.Size("encoder_depth"),
            Heads = run.File.Size("heads"),
            Grid = run.File.Size("grid"),
            InputSize = run.File.Size("inputs"),
            OutputSize = run.File.Size("outputs"),
            TimeWidth = run.File.Size("time_width"),
            Recompute = recompute,
        });
        run.LoadParameters();
        Tensor patches = run.Input("patches"), t = run.ParameterInput("t");
        var encoded = network.Encode(run.NewTape(), patches, t, network.Shape.EncoderDepth);
        run.Compare("out.encoded", encoded.ReadDoubles(run.Backend));
        run.CompareThroughBackward(network.Predict(run.Tape, patches, t));
        run.Finish();
    }
}
