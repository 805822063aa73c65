using System.Text.Json;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Distributed;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>A loss that jumps sends the run back to its last checkpoint, at half the rate, and not for ever.</summary>
public sealed class LossSpikeTests : FolderPerTest
{
    [Test]
    public void A_spike_is_a_multiple_of_the_median_of_enough_losses()
    {
        var spikes = new LossSpikes(3);
        Assert.That(spikes.IsSpike(100), Is.False, "nothing to compare with");
        for (var i = 1; i < LossSpikes.Fewest; i++)
        {
            Assert.That(spikes.IsSpike(1 + (0.01 * i)), Is.False);
        }

        Assert.That(spikes.Median, Is.EqualTo(1.05).Within(1e-9), "the first loss does not move the median");
        Assert.That(spikes.IsSpike(3.1), Is.False);
        Assert.That(spikes.IsSpike(3.3), Is.True);
        Assert.That(spikes.IsSpike(3.3), Is.True, "a spike does not count as usual");
        for (var i = 0; i < LossSpikes.Window; i++)
        {
            spikes.IsSpike(0.1);
        }

        Assert.That(spikes.IsSpike(0.4), Is.True, "old losses are forgotten");
        spikes.TakenBack();
        Assert.That(spikes.IsSpike(50), Is.False);
        Assert.That(new LossSpikes(0).IsSpike(double.MaxValue), Is.False, "0 is off");
    }

    [Test]
    public void After_a_spike_a_run_goes_back_and_on_at_half_the_rate()
    {
        using var cpu = new CpuBackend(2);
        using var spiking = new SpikingBackend(cpu, call: 26, factor: 100);
        var lines = new List<string>();
        var result = new Pretraining(Toy.Options(Recipe("train.steps=40"), spiking, Folder.Path) with { OnLine = lines.Add }).Run();
        Assert.That((result.Steps, result.Rollbacks, result.Interrupted), Is.EqualTo((40L, 1, false)));
        var line = lines.Single(l => l.Contains("train.spikeFactor = 3 times the usual", StringComparison.Ordinal));
        Assert.That(line, Does.Contain("to the checkpoint of step 20, on at 0.5 of the learning rate"));

        var metrics = File.ReadLines(Folder[RunFiles.Metrics]).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.That(metrics.Select(m => m.GetProperty("step").GetInt32()), Is.EqualTo(Enumerable.Range(1, 40)), "the steps that were taken back have one line");
        var length = new RunLength(Recipe("train.steps=40").Train, 40);
        foreach (var one in metrics)
        {
            var step = one.GetProperty("step").GetInt64() - 1;
            Assert.That(one.GetProperty("lr").GetDouble(), Is.EqualTo(length.LearningRate(step, 0) * (step < 20 ? 1 : 0.5)).Within(1e-12), $"step {step + 1}");
        }

        Assert.That(metrics.Select(m => m.GetProperty("loss").GetDouble()), Is.All.LessThan(2));
        var last = CheckpointFolder.LatestValid(Folder[RunFiles.Checkpoints], out _)!;
        Assert.That(TrainingCheckpoint.ReadState(last).Rollbacks, Is.EqualTo(1), "a run that goes on keeps its rate");
    }

    [Test]
    public void A_loss_that_is_not_a_number_is_a_spike_and_the_start_is_something_to_go_back_to()
    {
        using var cpu = new CpuBackend(2);
        using var spiking = new SpikingBackend(cpu, call: 3, factor: 1e30);
        var result = new Pretraining(Toy.Options(Recipe("train.steps=12"), spiking, Folder.Path)).Run();
        Assert.That((result.Steps, result.Rollbacks), Is.EqualTo((12L, 1)));
    }

    [Test]
    public void A_run_that_keeps_spiking_is_given_up_and_its_checkpoint_kept()
    {
        using var cpu = new CpuBackend(2);
        var error = Assert.Throws<LdaeException>(() => new Pretraining(Toy.Options(Recipe("train.lr=1e30", "train.warmup=0", "train.steps=30"), cpu, Folder.Path)).Run())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Run));
        Assert.That(error.Message, Does.Contain("gone back 5 times"));
        Assert.That(error.Remedy, Does.Contain("checkpoint of step 0 is kept").And.Contain("train.lr"));
        Assert.That(CheckpointFolder.LatestValid(Folder[RunFiles.Checkpoints], out _)!.Step, Is.Zero);
    }

    [Test]
    public void Processes_that_share_a_run_go_back_together()
    {
        var results = ThreadGroup.Run(2, group =>
        {
            using var cpu = new CpuBackend(1);
            using var spiking = new SpikingBackend(cpu, call: 26, factor: 100);
            var folder = Directory.CreateDirectory(Folder[$"{group.Rank}"]).FullName;
            var result = new Pretraining(Toy.Options(Recipe("train.steps=40"), spiking, folder) with { Group = group }).Run();
            return (result.Steps, result.Rollbacks, result.Last!.Value.Loss, result.Last.Value.LearningRate);
        });
        Assert.That(results[0].Steps, Is.EqualTo(40));
        Assert.That(results[0].Rollbacks, Is.EqualTo(1));
        Assert.That(results[1], Is.EqualTo(results[0]));
    }

    [TestCase(0.5)]
    [TestCase(1)]
    public void A_factor_that_every_loss_exceeds_is_refused(double factor)
    {
        var error = Assert.Throws<LdaeException>(() => RecipeValidation.Check(new Recipe { Train = new TrainRecipe { SpikeFactor = factor } }))!;
        Assert.That(error.Message, Does.Contain("train.spikeFactor"));
    }

    private static Recipe Recipe(params string[] more) => Toy.Recipe([.. more, "train.spikeFactor=3", "train.checkpointEvery=10"]);

    /// <summary>One of its updates is far too long, once.</summary>
    private sealed class SpikingBackend(IBackend inner, int call, double factor) : CountingBackend(inner)
    {
        private int _calls;

        public override void Run<T>(in PrimitiveCall primitive, T arguments, Action<IKernels, T> kernel) =>
            base.Run(primitive, arguments is AdamWArgs args && ++_calls == call ? (T)(object)(args with { LearningRate = factor * args.LearningRate }) : arguments, kernel);
    }
}
