using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>Memory is planned from shapes, and the plan holds.</summary>
public sealed class MemoryPlanTests
{
    [TestCase("demo")]
    [TestCase("cifar-tiny")]
    [TestCase("cifar-small")]
    [TestCase("natural64")]
    [TestCase("photos128")]
    [TestCase("vit-b")]
    [TestCase("vit-half-l")]
    [TestCase("vit-l")]
    public void Every_preset_has_a_plan_that_adds_up(string preset)
    {
        var recipe = Presets.Get(preset).Resolve();
        var plan = MethodCatalog.Plan(recipe, DType.F32, DType.F32);
        Assert.That(plan.Owners.Select(o => o.Bytes), Is.All.GreaterThan(0));
        Assert.That(plan.Owners.Where(o => o.Owner.StartsWith("activations", StringComparison.Ordinal)).Sum(o => o.Bytes), Is.EqualTo(plan.ArenaBytes));
        Assert.That(plan.ParameterCount, Is.EqualTo(Count(recipe)));
        Assert.That(plan.Describe().First(), Does.Contain("parameters"));
    }

    [Test]
    public void A_step_uses_the_plan_to_the_byte_and_one_byte_less_is_refused()
    {
        var recipe = Toy.Recipe("network.gateInit=random");
        var plan = MethodCatalog.Plan(recipe, DType.F32, DType.F32);
        using var backend = new CpuBackend(1);
        using var exact = new StepArena(backend, plan.ArenaBytes, ArenaMode.Packed);
        Step(backend, recipe, exact);
        Assert.That(exact.Peak, Is.EqualTo(plan.ArenaBytes));
        using var small = new StepArena(backend, plan.ArenaBytes - 1, ArenaMode.Packed);
        Assert.That(() => Step(backend, recipe, small), Throws.InstanceOf<LdaeException>().With.Message.Contains("no room"));
    }

    [Test]
    public void Recompute_makes_the_plan_smaller()
    {
        var recipe = Presets.Get("cifar-tiny").Resolve();
        var kept = MethodCatalog.Plan(recipe, DType.F32, DType.F32).ArenaBytes;
        var recomputed = MethodCatalog.Plan(recipe with { Network = recipe.Network with { Recompute = true } }, DType.F32, DType.F32).ArenaBytes;
        Assert.That(recomputed, Is.LessThan(kept / 3));
    }

    [Test]
    public void The_probe_of_held_out_images_takes_what_the_plan_says()
    {
        var recipe = Toy.Recipe("train.knnEvery=1", "data.holdOut=0.25", "train.steps=1");
        using var backend = new CpuBackend(1);
        using var folder = new TemporaryFolder();
        var lines = new List<string>();
        new Pretraining(Toy.Options(recipe, backend, folder.Path) with { OnLine = lines.Add }).Run();
        var planned = new NearestNeighbourProbe().Plan(MethodCatalog.Of(recipe), recipe.Resolve(), DType.F32, DType.F32).Bytes;
        Assert.That(lines, Has.Some.Matches($@"held-out probe +{planned / 1e6:N1} MB"));
        using var model = new LatentDenoiser(backend, recipe, PatchSample.Fit(recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1));
        using var extractor = new FeatureExtractor(model.Encoder(recipe.Probe), ownsEncoder: true);
        Assert.That(extractor.Bytes, Is.EqualTo(planned));
    }

    [Test]
    public void Nothing_native_is_allocated_after_the_second_step()
    {
        var recipe = Toy.Recipe("train.accumulate=2", "train.ema=0.9");
        using var inner = new CpuBackend(2);
        using var backend = new CountingBackend(inner);
        using var model = new LatentDenoiser(backend, recipe, PatchSample.Fit(recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1));
        using var trainer = new Trainer(model, MethodCatalog.Plan(recipe, DType.F32, DType.F32));
        var pixels = new byte[8 * 8 * 8 * 3];
        using var images = new UploadedImages(backend, new FixedImages(pixels, 8), recipe.Train.MicroBatch, 8);
        trainer.Run(images, 1e-3);
        trainer.Run(images, 1e-3);
        var (allocations, workspace, managed) = (backend.Allocations, inner.WorkspaceBytes, GC.GetAllocatedBytesForCurrentThread());
        trainer.Run(images, 1e-3);
        Assert.That(backend.Allocations, Is.EqualTo(allocations));
        Assert.That(inner.WorkspaceBytes, Is.EqualTo(workspace));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - managed, Is.LessThan(1 << 20), "the tape's small objects only");
    }

    private static void Step(CpuBackend backend, Recipe recipe, StepArena arena)
    {
        using var model = new LatentDenoiser(backend, recipe, PatchSample.Fit(recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1));
        using var images = new PersistentTensor(backend, new Shape(8, 8, 8, 3), DType.U8);
        model.Allocate(8);
        model.Sample(new StepDraw(0, 8, 0, []));
        using var share = new PersistentTensor(backend, new Shape(3), DType.F32);
        using var parts = new PersistentTensor(backend, new Shape(3), DType.F32);
        share.Tensor.Write(backend, [1.0, 0, 0]);
        PhaseTrainer.Differentiate(model.Phases[0], new Tape(backend, arena), new MicroBatch(images.Tensor, 0, 0, 0), [share.Tensor], parts.Tensor);
    }

    /// <summary>Counted by hand from the architecture, with W the width, Q a quarter of it, D a patch.</summary>
    private static long Count(Recipe recipe)
    {
        long w = recipe.Network.Width, q = w / 4, d = recipe.Tokenizer.PatchValues;
        long Linear(long inputs, long outputs) => (inputs * outputs) + outputs;
        var block = Linear(q, 6 * w) + Linear(w, 3 * w) + Linear(w, w) + Linear(w, 4 * w) + Linear(4 * w, w);
        return Linear(d, w) + Linear(256, q) + Linear(q, q) + (recipe.Network.Depth * block) + Linear(q, 2 * w) + Linear(w, d);
    }
}
