using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Distributed;

/// <summary>A step that several share: who takes which images, which gradients are summed when, and what comes of it.</summary>
public sealed class SharedStepTests
{
    [TestCase(false)]
    [TestCase(true)]
    public void The_parts_of_a_batch_are_the_batch_of_one_process(bool shards)
    {
        IImageSource source = shards ? new ShardedSource(Toy.Images(50)) : Toy.Images(50);
        int[] indices = [.. Enumerable.Range(0, source.Count)];
        var augmentation = new Augmentation(8, RandomCrop: true, 0.2, Flip: true);
        using var whole = new BatchLoader(source, indices, augmentation, 12, 3, firstStep: 2);
        var parts = Enumerable.Range(0, 3).Select(rank => new BatchLoader(source, indices, augmentation, 12, 3, firstStep: 2, part: BatchPart.Of(12, rank, 3))).ToArray();
        for (var step = 0; step < 6; step++)
        {
            var all = whole.Next();
            var shared = parts.Select(part => part.Next()).ToArray();
            Assert.That(shared.SelectMany(batch => batch.Filled.ToArray()), Is.EqualTo(all.Filled.ToArray()));
            Assert.That(shared.SelectMany(batch => batch.Labels), Is.EqualTo(all.Labels));
            Assert.That(shared.SelectMany(batch => batch.Indices), Is.EqualTo(all.Indices));
            Assert.That(shared[0].Count, Is.EqualTo(4));
        }

        Array.ForEach(parts, part => part.Dispose());
    }

    /// <summary>The same steps but for rounding, and the same bits for all.</summary>
    [TestCase("train.accumulate=1")]
    [TestCase("train.accumulate=2", "network.recompute=true")]
    [TestCase("conditioning.class=true", "objective.input=latent", "objective.output=latent", "objective.target=noise", "network.gateInit=random")]
    public void Processes_take_the_steps_of_one(params string[] settings)
    {
        var recipe = Toy.Recipe([.. settings, "train.batch=12", "train.ema=0.9", "train.clip=0.5", "data.crop=random", "data.flip=true"]);
        var (alone, last) = Train(SingleProcess.Instance, recipe);
        var shared = ThreadGroup.Run(3, group => Train(group, recipe));
        Assert.That(shared[0].Found, Is.EqualTo(alone).Within(1e-3).Percent);
        Assert.That(alone, Has.Length.EqualTo(18));
        Assert.That(shared[1..].SelectMany(member => member.Found), Is.Empty, "rank 0 alone tells");
        Assert.That(shared[1..].Select(member => member.Last), Is.All.EqualTo(shared[0].Last));
        Assert.That(shared[0].Last.Loss, Is.EqualTo(last.Loss).Within(1e-3).Percent);
    }

    /// <summary>Each block's gradients leave when the backward pass has come past it, the last block first, and each element once.</summary>
    [TestCase("train.accumulate=1")]
    [TestCase("train.accumulate=2")]
    [TestCase("network.recompute=true")]
    public void Gradients_are_summed_block_by_block_from_the_end(string setting)
    {
        using var folder = new TemporaryFolder();
        using var backend = new CpuBackend(1);
        var group = new RecordingGroup();
        var recipe = Toy.Recipe(setting, "train.steps=1", "network.depth=3", "network.gateInit=random");
        new Pretraining(Toy.Options(recipe, backend, folder.Path) with { Group = group }).Run();

        // Final layer, three blocks, and what lies before them.
        Assert.That(group.Ranges, Has.Count.EqualTo(5));
        for (var i = 1; i < group.Ranges.Count; i++)
        {
            var (later, now) = (group.Ranges[i - 1], group.Ranges[i]);
            Assert.That(now.Address + (sizeof(float) * now.Count), Is.EqualTo((long)later.Address));
        }

        Assert.That(group.Ranges.Select(r => r.IsZero), Is.All.False, "a gradient is there when its sum begins");
        Assert.That(group.Finished, Is.EqualTo(1));
    }

    [Test]
    public void A_batch_that_cannot_be_shared_out_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        using var backend = new CpuBackend(1);
        var options = Toy.Options(Toy.Recipe("train.batch=10", "train.accumulate=5"), backend, folder.Path) with { Group = new RecordingGroup { Size = 4 } };
        var error = Assert.Throws<LdaeException>(() => new Pretraining(options).Run());
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Configuration));
        Assert.That(error.Message, Does.Contain("train.batch = 10").And.Contain("4 processes").And.Contain("train.accumulate = 5"));
    }

    [Test]
    public void Other_images_on_another_machine_are_named()
    {
        using var folder = new TemporaryFolder();
        var errors = ThreadGroup.Run(2, group =>
        {
            using var backend = new CpuBackend(1);
            var options = Toy.Options(Toy.Recipe(), backend, folder.Path) with { Group = group, Source = Toy.Images(40 + group.Rank) };
            return Assert.Throws<LdaeException>(() => new Pretraining(options).Run())!;
        });
        Assert.That(errors.Select(e => e.Message), Is.All.Contains("Rank 1 finds 41 images"));
    }

    /// <summary>Loss, its part on the kept components and the gradient's norm of each step, and the last step as each process has it.</summary>
    private static (double[] Found, StepResult Last) Train(ICommunicator group, Recipe recipe)
    {
        using var folder = new TemporaryFolder();
        using var backend = new CpuBackend(1);
        var found = new List<double>();
        var result = new Pretraining(Toy.Options(recipe, backend, folder.Path) with
        {
            Group = group,
            OnStep = (_, _, step, _, _) => found.AddRange([step.Loss, step["loss_kept"], step.GradientNorm]),
        }).Run();
        Assert.That(Directory.GetFileSystemEntries(folder.Path).Length > 0, Is.EqualTo(group.Rank == 0), "only rank 0 writes");
        return ([.. found], result.Last!.Value);
    }

    /// <summary>A group of one that notes what it is asked to sum.</summary>
    private sealed unsafe class RecordingGroup : ICommunicator
    {
        public List<(nint Address, long Count, bool IsZero)> Ranges { get; } = [];

        public int Finished { get; private set; }

        public string Name => "recording";

        public int Rank => 0;

        public int Size { get; init; } = 1;

        public ProcessFault? Fault => null;

        public CancellationToken Faulted => CancellationToken.None;

        public void BeginSum(Tensor tensor) =>
            Ranges.Add((tensor.Address, tensor.Shape.Count, new ReadOnlySpan<float>((void*)tensor.Address, (int)tensor.Shape.Count).IndexOfAnyExcept(0) < 0));

        public void FinishSums() => Finished++;

        public void Broadcast(Tensor tensor)
        {
        }

        public byte[] Broadcast(byte[] bytes) => bytes;

        public double[] Gather(ReadOnlySpan<double> mine) => mine.ToArray();

        public void Leave()
        {
        }

        public ProcessFault? Abort(int code, string message, string remedy) => null;

        public void Dispose()
        {
        }
    }

    /// <summary>Images in shards of seven.</summary>
    private sealed class ShardedSource(IImageSource images) : IImageSource
    {
        public string Name => images.Name;

        public int Count => images.Count;

        public IReadOnlyList<string> ClassNames => images.ClassNames;

        public IReadOnlyList<int>? ShardStarts => [.. Enumerable.Range(0, (images.Count + 6) / 7).Select(i => 7 * i)];

        public RgbImage Decode(int index) => images.Decode(index);

        public int Label(int index) => images.Label(index);

        public string Describe(int index) => images.Describe(index);
    }
}
