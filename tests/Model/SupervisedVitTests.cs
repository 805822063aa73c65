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
        using var backend = new CpuBackend();
        using var vit = new SupervisedVit(backend, side: 32, patch: 4, width: 64, depth: 4, batch: 64, classes: 10, seed: 0);
        vit.Train(new SyntheticSource(20_000, 32, 0, train: true), steps: 3000, learningRate: 2e-3);
        var accuracy = vit.Accuracy(new SyntheticSource(1000, 32, 0, train: false));
        TestContext.Out.WriteLine($"{accuracy:F1} % of the test images");
        Assert.That(accuracy, Is.GreaterThan(90));
    }
}
