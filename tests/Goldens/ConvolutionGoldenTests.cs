using LDaeCore.Engine.Ops;
using LDaeCore.Model.Layers;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>The ops of convolutional networks, forward and backward, against PyTorch's; its channels come first, the files hold them innermost.</summary>
[TestFixtureSource(typeof(GoldenBackend), nameof(GoldenBackend.All))]
public sealed class ConvolutionGoldenTests(GoldenBackend backend)
{
    [TestCase("convolution")]
    [TestCase("convolution_strided")]
    [TestCase("convolution_pixel")]
    public void A_convolution(string file)
    {
        using var run = new GoldenRun(backend, file);
        var x = run.Input("x");
        run.CompareThroughBackward(Convolution.Apply(run.Tape, x, run.ParameterInput("weight"), run.ParameterInput("bias"), run.File.Size("stride")));
        run.Finish();
    }

    [Test]
    public void Group_normalisation()
    {
        using var run = new GoldenRun(backend, "group_norm");
        var x = run.Input("x");
        run.CompareThroughBackward(GroupNormalization.Apply(run.Tape, x, run.File.Size("groups"), run.ParameterInput("weight"), run.ParameterInput("bias")));
        run.Finish();
    }

    [Test]
    public void Nearest_up_sampling()
    {
        using var run = new GoldenRun(backend, "upsample");
        run.CompareThroughBackward(Upsample.Apply(run.Tape, run.Input("x")));
        run.Finish();
    }

    [Test]
    public void Silu_activation()
    {
        using var run = new GoldenRun(backend, "silu");
        run.CompareThroughBackward(Silu.Apply(run.Tape, run.Input("x")));
        run.Finish();
    }

    [Test]
    public void Images_to_patches()
    {
        using var run = new GoldenRun(backend, "patches");
        run.CompareThroughBackward(PatchGrid.ToPatches(run.Tape, run.Input("x"), 2));
        run.Finish();
    }

    [TestCase("residual_block")]
    [TestCase("residual_block_wider")]
    public void A_residual_block(string file)
    {
        using var run = new GoldenRun(backend, file, "block.");
        var block = new ResidualConvolutionBlock(run.Parameters, "block", run.File.Size("inputs"), run.File.Size("outputs"), run.File.Size("groups"));
        run.LoadParameters();
        run.CompareThroughBackward(block.Apply(run.Tape, run.Input("x")));
        run.Finish();
    }
}
