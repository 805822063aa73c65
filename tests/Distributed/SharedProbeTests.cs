using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Distributed;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

using Invocation = LDaeCore.Tests.Runner.CommandLine;

namespace LDaeCore.Tests.Distributed;

/// <summary>A probe that several processes share: the same features for all, and the accuracy of one.</summary>
public sealed class SharedProbeTests
{
    private static readonly Recipe Recipe = Toy.Recipe("probe.input=noised", "probe.time=20", "network.gateInit=random");

    [Test]
    public void Features_are_those_of_one_process_and_all_have_them()
    {
        var alone = With(SingleProcess.Instance, (comparison, _) => (comparison.Trained(), comparison.Pixels()));

        // Four processes, and test images that they cannot share evenly.
        foreach (var (trained, pixels) in ThreadGroup.Run(4, group => With(group, (comparison, _) => (comparison.Trained(), comparison.Pixels()))))
        {
            Same(trained.Training, alone.Item1.Training);
            Same(trained.Test, alone.Item1.Test);
            Same(pixels.Training, alone.Item2.Training);
            Assert.That(trained.Test.Indices, Is.EqualTo(alone.Item1.Test.Indices));
        }

        static void Same(FeatureSet found, FeatureSet expected)
        {
            Assert.That(found.Labels, Is.EqualTo(expected.Labels));
            Assert.That(found.Values, Is.EqualTo(expected.Values).Within(1e-6f));
        }
    }

    [Test]
    public void A_linear_probe_finds_what_one_process_finds()
    {
        ProbeResult Linear(ICommunicator group) => With(group, (comparison, backend) => comparison.Linear(backend, comparison.Pixels(), 1));
        var alone = Linear(SingleProcess.Instance);
        var shared = ThreadGroup.Run(3, Linear);
        foreach (var found in shared)
        {
            Assert.That(found.Choice, Is.EqualTo(shared[0].Choice), "all choose alike");
            Assert.That(found.Predicted, Is.EqualTo(shared[0].Predicted), "by the same weights");
        }

        // A tie among few images may fall either way by a bit of rounding.
        Assert.That(shared[0].HeldOutTop1, Is.EqualTo(alone.HeldOutTop1).Within(10));
        Assert.That(shared[0].Test.Top1, Is.EqualTo(alone.Test.Top1).Within(10));
    }

    [Test]
    public void Ldae_probe_is_shared_out_and_rank_0_writes_the_result()
    {
        MpiRun.Require();
        using var folder = new TemporaryFolder();
        var run = Path.Combine(folder.Path, "run");
        string[] probe = ["--checkpoint", run, "--data", "synthetic:60", "--device", "cpu"];
        Assert.That(Invocation.Run(["pretrain", "--out", run, "--json", "--threads", "1", .. MpiRun.Toys()]).ExitCode, Is.Zero);
        var alone = Invocation.Run(["probe", "--out", Path.Combine(folder.Path, "alone"), "--json", "--threads", "1", .. probe]).Json;
        var shared = Path.Combine(folder.Path, "shared");
        using var processes = MpiRun.StartCommand("probe", 2, shared, probe);
        Assert.That(processes.Wait(TimeSpan.FromSeconds(60)), Is.All.Zero, processes.Errors);
        foreach (var name in (string[])["top1", "random_top1", "pixels_top1"])
        {
            Assert.That(processes.Result.GetProperty(name).GetDouble(), Is.EqualTo(alone.GetProperty(name).GetDouble()).Within(10), name);
        }

        Assert.That(processes.Result.GetProperty("knn_top1").GetDouble(), Is.EqualTo(alone.GetProperty("knn_top1").GetDouble()).Within(2));
        Assert.That(File.Exists(Path.Combine(shared, "results", "probe.json")), Is.True);
    }

    private static T With<T>(ICommunicator group, Func<EncoderComparison, CpuBackend, T> work)
    {
        using var backend = new CpuBackend(1);
        var source = Toy.Images(90);
        using var model = new LatentDenoiser(backend, Recipe, PatchSample.Fit(Recipe, source, [.. Enumerable.Range(0, source.Count)], 1));
        using var encoder = model.Encoder(Recipe.Probe);
        return work(new EncoderComparison(encoder, source, Toy.Images(34, train: false), Recipe.Data.HoldOut, Recipe.Train.Seed) { Group = group, Workers = 1 }, backend);
    }
}
