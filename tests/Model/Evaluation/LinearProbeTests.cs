using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Evaluation;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Evaluation;

/// <summary>The probe finds what is there, also where it is hard to find, and nothing where nothing is.</summary>
public sealed class LinearProbeTests
{
    private const int Channels = 12, Classes = 4, Training = 1600, Test = 800;

    [Test]
    public void Classes_in_directions_of_little_variance_are_found()
    {
        var found = Probe(0, Features(0, Training, quiet: 0.01), Features(1, Test, quiet: 0.01));
        Assert.That(found.Test.Top1, Is.GreaterThan(95));
        Assert.That(found.Test.Top5, Is.EqualTo(100));
        Assert.That(found.Choice.Decorrelated, Is.True);
    }

    [Test]
    public void Labels_that_have_nothing_to_do_with_the_features_stay_at_chance()
    {
        var (training, test) = (Features(0, Training, quiet: 1), Features(1, Test, quiet: 1));
        var found = Probe(0, training with { Labels = Shuffled(training.Labels) }, test);
        Assert.That(found.Test.Top1, Is.InRange(10, 40));
    }

    [Test]
    public void The_test_set_has_no_say_in_the_choice()
    {
        var (training, test) = (Features(0, Training, quiet: 0.1), Features(1, Test, quiet: 0.1));
        var honest = Probe(3, training, test);
        var blind = Probe(3, training, test with { Labels = new int[Test] });
        Assert.That(blind.Choice, Is.EqualTo(honest.Choice));
        Assert.That(blind.HeldOutTop1, Is.EqualTo(honest.HeldOutTop1));
        Assert.That(blind.Test.Top1, Is.Not.EqualTo(honest.Test.Top1));
    }

    [Test]
    public void One_seed_gives_one_result()
    {
        var (training, test) = (Features(0, Training, quiet: 0.1), Features(1, Test, quiet: 0.1));
        var (first, again) = (Probe(5, training, test), Probe(5, training, test));
        Assert.That(again.Predicted, Is.EqualTo(first.Predicted).And.Length.EqualTo(Test));
        Assert.That(again with { Predicted = first.Predicted }, Is.EqualTo(first));
    }

    [Test]
    public void Decorrelated_training_features_have_the_identity_as_their_covariance()
    {
        var features = Features(0, Training, quiet: 0.5);
        var normalized = new FeatureNormalization(features).Apply(features);
        var whitened = new FeatureDecorrelation(normalized).Apply(normalized);
        for (var i = 0; i < Channels; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var product = Enumerable.Range(0, Training).Average(row => (double)whitened.Row(row)[i] * whitened.Row(row)[j]);
                Assert.That(product, Is.EqualTo(i == j ? 1 : 0).Within(0.01));
            }
        }
    }

    private static ProbeResult Probe(ulong seed, FeatureSet training, FeatureSet test)
    {
        using var backend = new CpuBackend(1);
        return new LinearProbe(backend, Classes, seed) { MostEpochs = 20 }.Run(training, test);
    }

    /// <summary>What two channels have besides the loud signal that all share, and the third has alone, tells the class.</summary>
    private static FeatureSet Features(uint part, int count, double quiet)
    {
        var values = new float[count * Channels];
        var labels = new int[count];
        for (var i = 0; i < count; i++)
        {
            labels[i] = i % Classes;
            var (a, b, c, d) = Philox.Block(9, RandomStream.Case, part, (ulong)i * 16);
            var loud = Philox.Normals<double>(a, b).First;
            var noise = Philox.Normals<double>(c, d);
            var (x, y) = (quiet * ((labels[i] % 2 * 6) + noise.First), quiet * ((labels[i] / 2 * 6) + noise.Second));
            for (var k = 0; k < Channels; k++)
            {
                var (e, f, _, _) = Philox.Block(9, RandomStream.Case, part, ((ulong)i * 16) + 1 + (ulong)k);
                var own = k < 3 ? 0 : Philox.Normals<double>(e, f).First;
                values[(i * Channels) + k] = (float)(loud + own + (k == 0 ? x : k == 1 ? y : 0));
            }
        }

        return new FeatureSet(values, labels, Channels);
    }

    private static int[] Shuffled(int[] labels) =>
        [.. labels.Select((label, i) => (label, key: Philox.Word(21, RandomStream.Case, 7, (ulong)i))).OrderBy(p => p.key).Select(p => p.label)];
}
