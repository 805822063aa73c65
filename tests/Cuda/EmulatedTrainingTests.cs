using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Tests.Engine.Backends;
using LDaeCore.Tests.Model;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Whole networks and small runs on the emulated device, never on gates of zero, where blocks are the identity.</summary>
public sealed class EmulatedTrainingTests : FolderPerTest
{
    [Test]
    public void The_gradient_of_every_parameter_agrees_with_the_reference_in_float32()
    {
        var (expectedLoss, expected) = OnReference();
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        var (loss, gradients) = Whole(backend);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(loss, Is.EqualTo(expectedLoss).Within(1e-5 * expectedLoss));
            foreach (var (name, gradient) in expected)
            {
                Assert.That(Closeness.Error(gradients[name], gradient), Is.LessThanOrEqualTo(5e-5), name);
            }
        }
    }

    [Test]
    public void The_whole_gradient_is_as_good_as_bf16_allows()
    {
        var (_, expected) = OnReference();
        using var naive = new NaiveBf16Backend();
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.BF16);
        Assert.That(Distance(Whole(backend).Gradients, expected), Is.LessThanOrEqualTo(2 * Distance(Whole(naive).Gradients, expected)));
    }

    [Test]
    public void The_first_20_steps_from_one_seed_have_the_losses_of_the_cpu()
    {
        string[] settings = ["network.gateInit=random", "train.steps=20", "train.checkpointEvery=20"];
        using var cpu = new CpuBackend(2);
        using var emulated = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        var expected = Losses(cpu, "cpu", settings);
        var actual = Losses(emulated, "emulated", settings);
        Assert.That(actual, Has.Count.EqualTo(20));
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(actual[i], Is.EqualTo(expected[i]).Within(1e-4 * expected[i]), $"step {i + 1}");
        }
    }

    [TestCase(DType.F32)]
    [TestCase(DType.BF16)]
    public void Two_runs_are_bit_identical_and_learn(DType type)
    {
        string[] settings = ["network.gateInit=random", "train.steps=12", "train.checkpointEvery=12"];
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), type);
        var losses = Losses(backend, "first", settings);
        Assert.That(losses, Has.All.Matches<double>(double.IsFinite));
        Assert.That(losses[^1], Is.LessThan(losses[0]));
        Losses(backend, "second", settings);
        Assert.That(Toy.Last(Folder["second"]).Model, Is.EqualTo(Toy.Last(Folder["first"]).Model));
    }

    [Test]
    public void A_checkpoint_of_the_cpu_goes_on_here_and_the_other_way_round()
    {
        string[] settings = ["network.gateInit=random", "train.steps=6", "train.checkpointEvery=2"];
        using var cpu = new CpuBackend(2);
        using var emulated = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        var whole = Losses(cpu, "whole", settings);
        Losses(cpu, "a", settings, stopAfter: 2);
        var then = Losses(emulated, "a", settings);
        Losses(emulated, "b", settings, stopAfter: 2);
        var back = Losses(cpu, "b", settings);
        for (var i = 0; i < 4; i++)
        {
            Assert.That(then[i], Is.EqualTo(whole[i + 2]).Within(1e-4 * whole[i + 2]), $"step {i + 3} here");
            Assert.That(back[i], Is.EqualTo(whole[i + 2]).Within(1e-4 * whole[i + 2]), $"step {i + 3} there");
        }
    }

    private static (double Loss, Dictionary<string, double[]> Gradients) OnReference()
    {
        using var reference = new ReferenceBackend();
        return Whole(reference);
    }

    private static (double Loss, Dictionary<string, double[]> Gradients) Whole(IBackend backend)
    {
        using var denoiser = new SmallDenoiser(backend);
        return (denoiser.Loss(), denoiser.Gradients());
    }

    /// <summary>|a - b| / |b| over all parameters together.</summary>
    private static double Distance(Dictionary<string, double[]> actual, Dictionary<string, double[]> expected)
    {
        var pairs = expected.SelectMany(e => e.Value.Zip(actual[e.Key])).ToList();
        return Math.Sqrt(pairs.Sum(p => Math.Pow(p.First - p.Second, 2)) / pairs.Sum(p => p.First * p.First));
    }

    /// <summary>The losses of the steps that are done; the run goes on from the folder's last checkpoint.</summary>
    private List<double> Losses(IBackend backend, string name, string[] settings, int stopAfter = int.MaxValue)
    {
        var losses = new List<double>();
        using var stop = new CancellationTokenSource();
        var options = Toy.Options(Toy.Recipe(settings), backend, Folder[name]);
        new Pretraining(options with
        {
            Resume = Directory.Exists(Folder[name]),
            Cancellation = stop.Token,
            OnStep = (step, _, result, _, _) =>
            {
                losses.Add(result.Loss);
                if (step >= stopAfter)
                {
                    stop.Cancel();
                }
            },
        }).Run();
        return losses;
    }
}
