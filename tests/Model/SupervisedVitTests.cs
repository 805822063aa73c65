using System.Diagnostics;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model;

/// <summary>The engine learns a task that needs all of it: were a gradient or an update wrong, no small ViT would tell shapes apart.</summary>
[Category("Long")]
public sealed class SupervisedVitTests
{
    [Test]
    public void A_small_vit_tells_synthetic_shapes_apart()
    {
        const int steps = 1500, batch = 64;
        var clock = Stopwatch.StartNew();
        using var backend = new CpuBackend();
        using var vit = new SupervisedVit(backend, side: 32, patch: 4, width: 64, depth: 4, batch, classes: 10, seed: 0);

        // Images are drawn, so that none has to be seen twice.
        vit.Train(new SyntheticSource(steps * batch, 32, 0, train: true), steps, learningRate: 2e-3);
        var accuracy = vit.Accuracy(new SyntheticSource(1000, 32, 0, train: false));
        TestContext.Out.WriteLine($"{accuracy:F1} % of the test images ({clock.Elapsed.TotalSeconds:F0} s)");
        Assert.That(accuracy, Is.GreaterThan(90));
    }
}
