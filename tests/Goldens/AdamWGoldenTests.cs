using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>Ten steps of torch.optim.AdamW: values and both moments after each.</summary>
[TestFixtureSource(typeof(GoldenBackend), nameof(GoldenBackend.All))]
public sealed class AdamWGoldenTests(GoldenBackend backend)
{
    [Test]
    public void Ten_steps()
    {
        using var run = new GoldenRun(backend, "adamw");
        var sizes = run.File.Sizes("in.gradients");
        int steps = sizes[0], count = sizes[1];
        double[] gradients = run.File.Values("in.gradients"), rates = run.File.Values("in.lr");
        Tensor p = run.ParameterInput("values"), decay = run.ParameterInput("decay");
        Tensor g = New(run, count), m = New(run, count), v = New(run, count), clip = New(run, 1);
        clip.Write(run.Backend, [1.0]);

        List<double> values = [], firstMoments = [], secondMoments = [];
        for (var step = 0; step < steps; step++)
        {
            g.Write(run.Backend, gradients.AsSpan(step * count, count));
            run.Backend.AdamW(new AdamWArgs(p, g, m, v, clip)
            {
                LearningRate = rates[step],
                Beta1 = run.File.Constant("beta1"),
                Beta2 = run.File.Constant("beta2"),
                Epsilon = run.File.Constant("eps"),
                Step = step + 1,
                Decay = decay,
            });
            values.AddRange(p.ReadDoubles(run.Backend));
            firstMoments.AddRange(m.ReadDoubles(run.Backend));
            secondMoments.AddRange(v.ReadDoubles(run.Backend));
        }

        run.Compare("out.values", values.ToArray());
        run.Compare("out.m", firstMoments.ToArray());
        run.Compare("out.v", secondMoments.ToArray());
        run.Finish();
    }

    private static Tensor New(GoldenRun run, int count)
    {
        var tensor = run.Tape.New(new Shape(count), run.Backend.ParameterType);
        run.Backend.Fill(tensor, 0);
        return tensor;
    }
}
