using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>The training step as a recorded graph, on the emulated device: the same bits as done directly, and nothing in it changes.</summary>
public sealed class RecordedStepTests : FolderPerTest
{
    private const int Side = 8;

    [TestCase(DType.F32)]
    [TestCase(DType.BF16)]
    [TestCase(
        DType.F32, "objective.target=noise", "objective.input=latent", "objective.output=latent", "noise.schedule=linearBeta", "conditioning.class=true",
        "conditioning.classes=3")]
    [TestCase(DType.F32, "objective.output=pca", "conditioning.class=true", "conditioning.classes=3")]
    [TestCase(DType.BF16, "objective.input=latent", "objective.output=latent", "noise.schedule=linearGammaSquared")]
    public void Five_replayed_steps_have_the_bits_of_five_direct_ones(DType type, params string[] settings)
    {
        var recipe = Gates([.. settings, "train.accumulate=2", "train.ema=0.9", "train.weightDecay=0.1", "train.clip=0.5"]);
        using var direct = Open(type, replay: false);
        using var replayed = Open(type, replay: true);
        var expected = Train(direct, recipe, 5);
        var actual = Train(replayed, recipe, 5);
        Assert.That((expected.Replays, actual.Replays), Is.EqualTo((false, true)));
        Assert.That(actual.Results, Is.EqualTo(expected.Results));
        Assert.That(actual.Values, Is.EqualTo(expected.Values));
        Assert.That(actual.Average, Is.EqualTo(expected.Average));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(4)]
    public void Micro_batches_inside_the_recording_are_those_of_the_cpu(int accumulate)
    {
        var recipe = Gates($"train.accumulate={accumulate}");
        using var cpu = new CpuBackend(2);
        using var emulated = Open(DType.F32, replay: true);
        var expected = Train(cpu, recipe, 3).Results;
        var actual = Train(emulated, recipe, 3).Results;
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(actual[i].Loss, Is.EqualTo(expected[i].Loss).Within(1e-6 * expected[i].Loss), $"loss of step {i + 1}");
            Assert.That(actual[i].GradientNorm, Is.EqualTo(expected[i].GradientNorm).Within(1e-5 * expected[i].GradientNorm), $"norm of step {i + 1}");
        }
    }

    [Test]
    public void Nothing_is_allocated_from_the_third_step_on()
    {
        var recipe = Gates("train.accumulate=2", "train.ema=0.9");
        using var backend = Open(DType.BF16, replay: true);
        using var model = Model(backend, recipe);
        using var trainer = new Trainer(model, Plan(recipe, backend), ArenaMode.Packed);
        using var images = Images(backend, recipe);
        trainer.Run(images, 1e-3);
        trainer.Run(images, 1e-3);
        Assert.That(trainer.IsReplaying);
        var (allocations, held, managed) = (backend.Allocations, backend.HeldBytes, GC.GetAllocatedBytesForCurrentThread());
        trainer.Run(images, 1e-3);
        trainer.Run(images, 1e-3);
        Assert.That((backend.Allocations, backend.HeldBytes), Is.EqualTo((allocations, held)));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - managed, Is.LessThan(64 << 10), "a replayed step walks no tape");
    }

    [Test]
    public void Other_work_that_needs_more_scratch_memory_leaves_the_recording_its_own()
    {
        const int Width = 512;
        var recipe = Gates();
        using var direct = Open(DType.BF16, replay: false);
        using var backend = Open(DType.BF16, replay: true);
        var expected = Train(direct, recipe, 4).Results;
        using var model = Model(backend, recipe);
        using var trainer = new Trainer(model, Plan(recipe, backend), ArenaMode.Packed);
        using var images = Images(backend, recipe);
        List<StepResult> actual = [trainer.Run(images, 1e-3), trainer.Run(images, 2e-3)];
        var before = backend.WorkspaceBytes;
        using var x = new PersistentTensor(backend, new Shape(8, Width), DType.BF16);
        using var weight = new PersistentTensor(backend, new Shape(Width, Width), DType.F32);
        using var y = new PersistentTensor(backend, new Shape(8, Width), DType.BF16);
        backend.Fill(x.Tensor, 1);
        backend.Fill(weight.Tensor, 1);
        backend.MatMul(new MatMulArgs(x.Tensor, false, weight.Tensor, true, y.Tensor));
        Assert.That(backend.WorkspaceBytes, Is.GreaterThan(before), "the case is what it is about");
        actual.AddRange([trainer.Run(images, 3e-3), trainer.Run(images, 4e-3)]);
        Assert.That(actual, Is.EqualTo(expected));
    }

    [Test]
    public void A_loss_that_is_not_finite_leaves_the_parameters_as_they_are()
    {
        var recipe = Gates();
        using var backend = Open(DType.F32, replay: true);
        using var model = Model(backend, recipe);
        using var trainer = new Trainer(model, Plan(recipe, backend), ArenaMode.Packed);
        using var images = Images(backend, recipe);
        trainer.Run(images, 1e-3);
        trainer.Run(images, 1e-3);
        backend.Fill(model.Parameters.All[0].Value, double.NaN);
        var before = model.Parameters.Values.ReadFloats(backend);
        var error = Assert.Throws<NonFiniteStepException>(() => trainer.Run(images, 1e-3))!;
        Assert.That(error.Message, Does.Contain("Step 3").And.Contain("patch_embed.weight"));
        Assert.That(model.Parameters.Values.ReadFloats(backend), Is.EqualTo(before));
        Assert.That(trainer.Step, Is.EqualTo(2));
    }

    [Test]
    public void What_the_host_would_do_once_is_refused_in_a_recording()
    {
        using var backend = Open(DType.F32, replay: true);
        using var x = new PersistentTensor(backend, new Shape(4), DType.F32);
        Assert.That(() => backend.Record(() => backend.Upload<float>([1, 2, 3, 4], x.Tensor)), Throws.InvalidOperationException.With.Message.Contains("uploaded"));
        Assert.That(() => backend.Record(() => x.Tensor.ReadFloats(backend)), Throws.TypeOf<LdaeException>().With.Message.Contains("CAPTURE_UNSUPPORTED"));
        backend.Upload<float>([1, 2, 3, 4], x.Tensor);
        Assert.That(x.Tensor.ReadFloats(backend), Is.EqualTo(new float[] { 1, 2, 3, 4 }));
    }

    [TestCase(DType.F32)]
    [TestCase(DType.BF16)]
    public void A_run_that_goes_on_in_the_middle_has_the_bits_of_one_that_did_not_stop(DType type)
    {
        string[] settings = ["network.gateInit=random", "train.steps=7", "train.checkpointEvery=0", "train.ema=0.9", "data.crop=random", "data.flip=true"];
        using var backend = Open(type, replay: true);
        Run(backend, "whole", settings);
        Run(backend, "parts", settings, stopAfter: 3);
        Run(backend, "parts", settings);
        Assert.That(Toy.Last(Folder["parts"]), Is.EqualTo(Toy.Last(Folder["whole"])));
    }

    [Test]
    public void Images_on_the_device_and_images_sent_to_it_are_those_of_the_loader()
    {
        string[] settings = ["network.gateInit=random", "train.steps=4", "train.accumulate=2", "train.knnEvery=2", "data.crop=random", "data.flip=true"];
        using var direct = Open(DType.F32, replay: false);
        using var backend = Open(DType.F32, replay: true);
        var lines = new List<string>();
        var resident = Run(backend, "resident", settings, lines: lines);
        Assert.That(lines, Has.Some.Contains("lie on the device"));
        lines.Clear();
        var streamed = Run(backend, "streamed", settings, residentBytes: 0, lines: lines);
        Assert.That(lines, Has.Some.Contains("sent to the device"));
        using var counting = new CountingBackend(direct);
        Assert.That(resident, Is.EqualTo(Run(counting, "uploaded", settings)));
        Assert.That(streamed, Is.EqualTo(resident));
    }

    private static CudaBackend Open(DType type, bool replay) =>
        new(EmulatedBackendTests.Device(), new CudaOptions { ActivationType = type, Replay = replay, Warn = message => TestContext.Out.WriteLine(message) });

    private static Recipe Gates(params string[] settings) => Toy.Recipe(["network.gateInit=random", .. settings]);

    private static LatentDenoiser Model(IBackend backend, Recipe recipe) =>
        new(backend, recipe, PatchSample.Fit(recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1));

    private static MemoryPlan Plan(Recipe recipe, IBackend backend) => MethodCatalog.Plan(recipe, backend.ActivationType, backend.ParameterType);

    /// <summary>One batch again and again, on the device before each step.</summary>
    private static IStepImages Images(IBackend backend, Recipe recipe)
    {
        var pixels = Enumerable.Range(0, recipe.Train.Batch * Side * Side * 3).Select(i => (byte)(i * 31 % 251)).ToArray();
        var batches = new FixedImages(pixels, Side);
        return backend is IDeviceBackend device
            ? new StreamedImages(device, batches, recipe.Train.Batch, recipe.Train.MicroBatch, Side)
            : new UploadedImages(backend, batches, recipe.Train.MicroBatch, Side);
    }

    private static (List<StepResult> Results, float[] Values, float[]? Average, bool Replays) Train(IBackend backend, Recipe recipe, int steps)
    {
        using var model = Model(backend, recipe);
        using var trainer = new Trainer(model, Plan(recipe, backend), ArenaMode.Packed);
        using var images = Images(backend, recipe);
        List<StepResult> results = [.. Enumerable.Range(0, steps).Select(i => trainer.Run(images, 1e-3 * (i + 1)))];
        return (results, model.Parameters.Values.ReadFloats(backend), trainer.Phases[0].Average?.ReadFloats(backend), trainer.IsReplaying);
    }

    /// <summary>A run of a folder, from its last checkpoint; the losses of its steps.</summary>
    private List<double> Run(
        IBackend backend, string name, string[] settings, int stopAfter = int.MaxValue, long residentBytes = 1 << 30, List<string>? lines = null)
    {
        var losses = new List<double>();
        using var stop = new CancellationTokenSource();
        new Pretraining(Toy.Options(Toy.Recipe(settings), backend, Folder[name]) with
        {
            Resume = Directory.Exists(Folder[name]),
            ResidentBytes = residentBytes,
            Cancellation = stop.Token,
            OnLine = line => lines?.Add(line),
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
