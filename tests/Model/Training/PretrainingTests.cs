using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>Whole small runs: what must be the same bits is compared bit by bit.</summary>
public sealed class PretrainingTests : FolderPerTest
{
    [Test]
    public void Two_runs_with_one_seed_are_bit_identical_whatever_the_threads()
    {
        var runs = new[] { 1, 2, 3, 2 }.Select((threads, i) =>
        {
            using var backend = new CpuBackend(threads);
            return Toy.Train(Toy.Recipe(), backend, NewFolder($"run{i}"));
        }).ToArray();
        foreach (var run in runs.Skip(1))
        {
            Assert.That(run.Model, Is.EqualTo(runs[0].Model));
            Assert.That(run.Optimizer, Is.EqualTo(runs[0].Optimizer));
        }

        using var other = new CpuBackend(1);
        Assert.That(Toy.Train(Toy.Recipe("train.seed=1"), other, NewFolder("other")).Model, Is.Not.EqualTo(runs[0].Model));
    }

    [Test]
    public void Recompute_changes_no_bit_of_the_weights()
    {
        using var backend = new CpuBackend(2);
        var kept = Toy.Train(Toy.Recipe(), backend, NewFolder("kept"));
        var recomputed = Toy.Train(Toy.Recipe("network.recompute=true"), backend, NewFolder("recomputed"));
        Assert.That(recomputed.Optimizer, Is.EqualTo(kept.Optimizer));
    }

    [TestCase("network.gateInit=zero")]
    [TestCase("train.ema=0.9")]
    [TestCase("train.accumulate=2")]
    [TestCase("train.weightDecay=0.1")]
    [TestCase("conditioning.time=false")]
    public void A_run_resumed_from_any_checkpoint_ends_in_the_same_bits(string setting)
    {
        using var backend = new CpuBackend(2);
        var whole = Toy.Train(Toy.Recipe(setting), backend, NewFolder("whole"));
        var folder = NewFolder("parts");
        for (var steps = 2; steps <= 6; steps += 2)
        {
            // Cancelled after two steps: the run saves and stops.
            using var stop = new CancellationTokenSource();
            var options = Toy.Options(Toy.Recipe(setting), backend, folder) with { Resume = true, Cancellation = stop.Token };
            var limit = steps;
            new Pretraining(options with
            {
                OnStep = (step, _, _, _, _) =>
                {
                    if (step >= limit)
                    {
                        stop.Cancel();
                    }
                },
            }).Run();
        }

        var parts = Toy.Last(folder);
        Assert.That(parts.Model, Is.EqualTo(whole.Model));
        Assert.That(parts.Optimizer, Is.EqualTo(whole.Optimizer));
        Assert.That(
            File.ReadLines(Path.Combine(folder, RunFiles.Metrics)).Count(), Is.EqualTo(6), "one line a step, none twice");
    }

    [Test]
    public void The_reference_device_trains_at_toy_size_and_the_cpu_follows_it()
    {
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(2);
        var losses = new[] { Losses(reference, "reference"), Losses(cpu, "cpu") };
        Assert.That(losses[0], Has.Count.EqualTo(6));
        for (var i = 0; i < 6; i++)
        {
            Assert.That(losses[1][i], Is.EqualTo(losses[0][i]).Within(1e-4 * losses[0][i]));
        }

        List<double> Losses(LDaeCore.Engine.Backends.IBackend backend, string name)
        {
            var found = new List<double>();
            new Pretraining(Toy.Options(Toy.Recipe(), backend, NewFolder(name)) with { OnStep = (_, _, result, _, _) => found.Add(result.Loss) }).Run();
            return found;
        }
    }

    [Test]
    public void The_loss_falls()
    {
        using var backend = new CpuBackend(2);
        var losses = new List<double>();
        new Pretraining(Toy.Options(Toy.Recipe("train.steps=150", "train.batch=16"), backend, NewFolder("longer")) with
        {
            OnStep = (_, _, result, _, _) => losses.Add(result.Loss),
        }).Run();
        Assert.That(losses.TakeLast(20).Average(), Is.LessThan(0.7 * losses.Take(5).Average()));
    }

    [Test]
    public void Micro_batches_add_up_to_the_batch()
    {
        using var backend = new CpuBackend(2);
        var recipes = new[] { Toy.Recipe(), Toy.Recipe("train.accumulate=4") };
        var pixels = Enumerable.Range(0, 8 * 8 * 8 * 3).Select(i => (byte)(i * 31 % 251)).ToArray();
        var gradients = recipes.Select(recipe =>
        {
            var pca = PatchSample.Fit(recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1);
            using var model = new LatentDenoiser(backend, recipe with { Network = recipe.Network with { GateInit = GateInit.Random } }, pca);
            using var trainer = new Trainer(model, MethodCatalog.Plan(recipe, DType.F32, DType.F32));
            var result = FixedImages.Step(trainer, pixels, 1e-3);
            return (Gradient: model.Parameters.Gradients.ReadDoubles(backend).ToArray(), result.Loss);
        }).ToArray();
        Assert.That(gradients[1].Loss, Is.EqualTo(gradients[0].Loss).Within(1e-6));
        Assert.That(LDaeCore.Tests.Engine.Backends.Closeness.Error(gradients[1].Gradient, gradients[0].Gradient), Is.LessThan(1e-5));
    }

    [Test]
    public void A_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint()
    {
        using var backend = new CpuBackend(1);
        var folder = NewFolder("broken");
        Toy.Train(Toy.Recipe(), backend, folder);
        var before = Toy.Last(folder);
        var recipe = Toy.Recipe("train.lr=100", "train.warmup=0", "train.steps=400", "train.checkpointEvery=0");
        var error = Assert.Throws<LdaeException>(() => Toy.Train(RecipeFields.Apply(recipe, ["train.lr=1e30"]), backend, folder, resume: true))!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Run));
        Assert.That(error.Message, Does.Contain("gradient"));
        Assert.That(Toy.Last(folder).Model, Is.EqualTo(before.Model));
    }

    [Test]
    public void A_recipe_that_does_not_fit_the_checkpoint_leaves_the_configuration_as_it_is()
    {
        using var backend = new CpuBackend(1);
        var folder = NewFolder("refused");
        Toy.Train(Toy.Recipe(), backend, folder);
        var config = File.ReadAllText(Path.Combine(folder, RunFiles.Config));
        Assert.That(() => Toy.Train(Toy.Recipe("network.width=32"), backend, folder, resume: true), Throws.InstanceOf<LdaeException>());
        Assert.That(File.ReadAllText(Path.Combine(folder, RunFiles.Config)), Is.EqualTo(config));
    }

    [Test]
    public void A_run_that_does_not_fit_the_memory_is_refused_before_anything_is_read()
    {
        using var backend = new CpuBackend(1);
        var lines = new List<string>();
        var options = new RunOptions(Toy.Recipe("train.accumulate=2"), backend, new FakeSource(4, 8, 0, 1, 2, 3), NewFolder("big")) { OnLine = lines.Add, MemoryBytes = 1000 };
        var error = Assert.Throws<LdaeException>(() => new Pretraining(options).Run())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Configuration));
        Assert.That(error.Message, Does.Contain("train.batch = 8").And.Contain("train.accumulate = 2"));
        Assert.That(error.Remedy, Does.Contain("Raise train.accumulate"));
        Assert.That(lines[0], Does.Contain("parameters"), "count and plan come first");
        Assert.That(Directory.GetFiles(options.Folder), Is.Empty);
    }

    [Test]
    public void A_run_stopped_while_its_components_are_fitted_stops_and_can_be_resumed()
    {
        using var backend = new CpuBackend(1);
        var folder = NewFolder("stopped");
        Assert.That(
            () => Toy.Train(Toy.Recipe(), backend, folder, cancellation: new CancellationToken(true)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(RecipeJson.ReadFile(Path.Combine(folder, RunFiles.Config)).Resolve(), Is.EqualTo(Toy.Recipe().Resolve()), "what --resume goes by");
        Assert.That(Toy.Train(Toy.Recipe(), backend, folder, resume: true).Optimizer, Is.EqualTo(Toy.Train(Toy.Recipe(), backend, NewFolder("whole")).Optimizer));
    }

    [Test]
    public void A_run_that_cannot_begin_leaves_no_run()
    {
        using var backend = new CpuBackend(1);
        var options = Toy.Options(Toy.Recipe(), backend, NewFolder("broken")) with { Source = new FakeSource(40, 8, [.. Enumerable.Range(0, 40)]) };
        Assert.That(() => new Pretraining(options).Run(), Throws.InstanceOf<LdaeException>().With.Property(nameof(LdaeException.Kind)).EqualTo(ErrorKind.Data));
        Assert.That(File.Exists(Path.Combine(options.Folder, RunFiles.Config)), Is.False);
    }

    [Test]
    public void A_run_stopped_while_it_probes_saves_its_last_step()
    {
        using var backend = new CpuBackend(1);
        using var stop = new CancellationTokenSource();
        var options = Toy.Options(Toy.Recipe("train.knnEvery=4", "train.checkpointEvery=0"), backend, NewFolder("probing"));
        var result = new Pretraining(options with { Cancellation = stop.Token, OnStep = (step, _, _, _, _) => Cancel(step) }).Run();
        Assert.That((result.Steps, result.Interrupted, result.KnnTop1), Is.EqualTo((4L, true, (double?)null)));
        Assert.That(Path.Combine(options.Folder, RunFiles.Checkpoints, "step-00000004"), Does.Exist);

        void Cancel(long step)
        {
            if (step == 4)
            {
                stop.Cancel();
            }
        }
    }

    [Test]
    public void Online_neighbours_are_measured_on_held_out_images()
    {
        using var backend = new CpuBackend(2);
        var result = new Pretraining(Toy.Options(Toy.Recipe("train.knnEvery=3", "data.holdOut=0.25"), backend, NewFolder("knn"))).Run();
        Assert.That(result.KnnTop1, Is.InRange(0.0, 100.0));
        Assert.That(File.ReadAllText(Path.Combine(Folder.Path, "knn", RunFiles.Metrics)), Does.Contain("knn_top1"));
    }

    [Test]
    public void Minutes_end_a_run_and_steps_override_them()
    {
        var timed = new RunLength(Toy.Recipe().Train with { Steps = null, Minutes = 2, Epochs = 1e6, Warmup = 0.1, Lr = 1 }, 1000);
        Assert.That(timed.Done(10, 60), Is.EqualTo(0.5).Within(1e-6));
        Assert.That(timed.Done(10, 120), Is.EqualTo(1));
        Assert.That(timed.LearningRate(10, 12), Is.EqualTo(1).Within(1e-6), "the end of the warm-up");
        Assert.That(timed.LearningRate(10, 66), Is.EqualTo(0.5).Within(1e-6), "the middle of the cosine");
        var alone = new RunLength(new TrainRecipe { Minutes = 2 }, 1000);
        Assert.That(alone.Done(1_000_000_000, 60), Is.EqualTo(0.5).Within(1e-6), "no epochs end it before");
        Assert.That(alone.ExpectedSteps(100, 60), Is.EqualTo(200));
        Assert.That(new RunLength(new TrainRecipe { Batch = 10 }, 1000).Steps, Is.EqualTo(10_000), "a hundred epochs without either");
        var counted = new RunLength(Toy.Recipe().Train with { Steps = 7, Minutes = 2 }, 1000);
        Assert.That(counted.IsTimed, Is.False);
        Assert.That(counted.Done(7, 0), Is.EqualTo(1));
    }

    private string NewFolder(string name) => Directory.CreateDirectory(Folder[name]).FullName;
}
