using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>Single ops, forward and backward, against PyTorch's.</summary>
[TestFixtureSource(typeof(GoldenBackend), nameof(GoldenBackend.All))]
public sealed class OpGoldenTests(GoldenBackend backend)
{
    [TestCase("layernorm_plain")]
    [TestCase("layernorm_small")]
    public void Layer_normalisation(string file)
    {
        using var run = new GoldenRun(backend, file);
        run.CompareThroughBackward(Normalization.Apply(run.Tape, run.Input("x")));
        run.Finish();
    }

    [Test]
    public void Layer_normalisation_with_weight_and_bias()
    {
        using var run = new GoldenRun(backend, "layernorm_affine");
        var x = run.Input("x");
        var y = Normalization.Apply(run.Tape, x, weight: run.ParameterInput("weight"), bias: run.ParameterInput("bias"));
        run.CompareThroughBackward(y);
        run.Finish();
    }

    [Test]
    public void Layer_normalisation_with_modulation()
    {
        using var run = new GoldenRun(backend, "layernorm_modulated");
        var sizes = run.File.Sizes("in.x");
        int images = sizes[0], tokens = sizes[1], width = sizes[2];
        var x = run.Input("x", null, images * tokens, width);
        double[] shift = run.File.Values("in.shift"), scale = run.File.Values("in.scale");
        var table = run.Tape.New(new Shape(images, 2 * width), requiresGradient: true);
        table.Write(run.Backend, shift.Chunk(width).Zip(scale.Chunk(width)).SelectMany(p => p.First.Concat(p.Second)).ToArray());

        var y = Normalization.Apply(run.Tape, x, new Modulation(table, 0), new Modulation(table, 1));
        run.CompareThroughBackward(y);
        var rows = run.GradientOf(table).Chunk(2 * width).ToArray();
        run.Compare("din.shift", rows.SelectMany(r => r[..width]).ToArray());
        run.Compare("din.scale", rows.SelectMany(r => r[width..]).ToArray());
        run.Finish();
    }

    /// <summary>The engine has GELU only behind a linear layer: one of weight 1 here; its backward alone, or inside the next product.</summary>
    [Test]
    public void Gelu([Values] bool readByLinear)
    {
        using var run = new GoldenRun(backend, "gelu");
        var x = run.Input("x", null, run.File.Sizes("in.x")[0], 1);
        var one = run.Tape.New(new Shape(1, 1), run.Backend.ParameterType);
        one.Write(run.Backend, [1.0]);
        var y = Linear.Apply(run.Tape, x, one, null, gelu: true);
        run.CompareThroughBackward(readByLinear ? Linear.Apply(run.Tape, y, one, null) : y);
        run.Finish();
    }

    [Test]
    public void Cross_entropy()
    {
        using var run = new GoldenRun(backend, "cross_entropy");
        var labels = run.Tape.New(new Shape(run.File.Sizes("in.labels")), DType.I32);
        run.Backend.Upload<int>(Array.ConvertAll(run.File.Values("in.labels"), v => (int)v), labels);
        run.CompareThroughBackward(SoftmaxCrossEntropy.Apply(run.Tape, run.Input("logits"), labels));
        run.Finish();
    }

    /// <summary>PyTorch projects on all D components; the engine only on the kept ones.</summary>
    [Test]
    public void The_ldae_loss()
    {
        using var run = new GoldenRun(backend, "ldae_loss");
        var kept = run.File.Size("kept");
        var pixels = run.File.Sizes("in.basis")[1];
        var basis = run.Tape.New(new Shape(kept, pixels), run.Backend.ParameterType);
        basis.Write(run.Backend, run.File.Values("in.basis").AsSpan(0, kept * pixels));
        var loss = PcaLoss.Apply(
            run.Tape, run.Input("prediction"), run.Input("clean"), basis, run.ParameterInput("lambda"), run.File.Constant("kept_weight"), run.File.Constant("residual_weight"));

        var parts = loss.ReadDoubles(run.Backend);
        run.Compare("out.y", parts.AsSpan(0, 1));
        run.Compare("out.kept", parts.AsSpan(1, 1));
        run.Compare("out.residual", parts.AsSpan(2, 1));
        run.SendBack(loss);
        run.CompareInputGradients();
        run.Finish();
    }
}
