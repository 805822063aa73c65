using System.Diagnostics;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Distributed;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;
using Invocation = LDaeCore.Tests.Runner.CommandLine;

namespace LDaeCore.Tests.Model;

/// <summary>Supervised training: a method like any other, and a task that needs all of the engine.</summary>
public sealed class SupervisedVitTests : FolderPerTest
{
    [Test]
    public void A_few_images_are_learnt_by_heart_and_the_head_names_them()
    {
        var images = new SyntheticSource(32, 16, 1, train: true);
        var recipe = Recipe("data.imageSize=16", "train.batch=16", "train.steps=150", "train.lr=0.003", "network.width=32", "network.depth=4", "network.encoderDepth=2");
        using var backend = new CpuBackend(2);
        var result = new Pretraining(new RunOptions(recipe, backend, images, Folder.Path)).Run();
        Assert.That(result.Last!.Value.Loss, Is.LessThan(0.2));
        Assert.That(Accuracy(backend, images).Top1, Is.GreaterThan(95));
    }

    [Test]
    public void A_run_that_was_cut_ends_in_the_same_bits()
    {
        using var backend = new CpuBackend(1);
        var whole = Toy.Train(Recipe(), backend, Folder["whole"]);
        var cut = Folder["cut"];
        using (var stop = new CancellationTokenSource())
        {
            new Pretraining(Toy.Options(Recipe(), backend, cut) with { Cancellation = stop.Token, OnStep = (step, _, _, _, _) => Stop(stop, step) }).Run();
        }

        Assert.That(Toy.Train(Recipe(), backend, cut, resume: true), Is.EqualTo(whole));
    }

    [Test]
    public void Processes_take_the_steps_of_one()
    {
        double[] Losses(LDaeCore.Engine.Distributed.ICommunicator group)
        {
            using var folder = new TemporaryFolder();
            using var backend = new CpuBackend(1);
            var losses = new List<double>();
            new Pretraining(Toy.Options(Recipe("train.batch=12", "data.flip=true"), backend, folder.Path) with
            {
                Group = group,
                OnStep = (_, _, step, _, _) => losses.Add(step.Loss),
            }).Run();
            return [.. losses];
        }

        var alone = Losses(LDaeCore.Engine.Distributed.SingleProcess.Instance);
        Assert.That(alone, Has.Length.EqualTo(6));
        Assert.That(ThreadGroup.Run(3, Losses)[0], Is.EqualTo(alone).Within(1e-3).Percent);
    }

    [Test]
    public void Images_of_one_class_are_refused()
    {
        using var backend = new CpuBackend(1);
        var error = Assert.Throws<LdaeException>(() => new Pretraining(
            new RunOptions(Recipe("conditioning.classes=3"), backend, Toy.Images(), Folder.Path)).Run());
        Assert.That(error.Message, Does.Contain("conditioning.classes = 3").And.Contain("10"));
    }

    [Test]
    public void The_runner_trains_probes_and_exports_it()
    {
        string[] size = ["--set", "data.imageSize=8", "--set", "network.width=16", "--set", "network.depth=2", "--set", "network.encoderDepth=1", "--set", "network.heads=2"];
        string[] images = ["--data", "synthetic:60"];
        var run = Folder["run"];
        Json("pretrain", ["--preset", "supervised-demo", .. images, .. size, "--set", "train.steps=8", "--set", "train.knnEvery=4", "--out", run]);
        var head = Json("probe", ["--checkpoint", run, .. images, "--method", "head", "--out", Folder["head"]]);
        Assert.That(head.GetProperty("method").GetString(), Is.EqualTo("head"));
        Assert.That(head.GetProperty("top1").GetDouble(), Is.InRange(0, head.GetProperty("top5").GetDouble()));
        var linear = Json("probe", ["--checkpoint", run, .. images, "--method", "knn", "--out", Folder["knn"]]);
        var exported = Folder["exported"];
        var file = Json("export", ["--checkpoint", run, "--out", exported]).GetProperty("file").GetString()!;
        var again = Json("probe", ["--checkpoint", file, .. images, "--method", "knn", "--out", Folder["again"]]);
        Assert.That(again.GetProperty("knn_top1").GetDouble(), Is.EqualTo(linear.GetProperty("knn_top1").GetDouble()));
        Assert.That(File.ReadAllText(Path.Combine(run, "report.html")), Does.Contain("own head"));
        Assert.That(Invocation.Run(["reconstruct", "--checkpoint", run, .. images, "--json"]).ExitCode, Is.EqualTo(2));

        System.Text.Json.JsonElement Json(string command, string[] arguments)
        {
            var done = Invocation.Run([command, .. arguments, "--json"]);
            Assert.That(done.ExitCode, Is.Zero, done.Human + done.Result);
            return done.Json;
        }
    }

    /// <summary>Were a gradient or an update wrong, no small ViT would tell shapes apart.</summary>
    [Test]
    [Category("Long")]
    public void A_small_vit_tells_synthetic_shapes_apart()
    {
        const int steps = 1500, batch = 64;
        var clock = Stopwatch.StartNew();
        using var backend = new CpuBackend();
        var recipe = Recipe(
            "data.imageSize=32", "network.width=64", "network.depth=8", "network.encoderDepth=4", "network.mlpRatio=2", $"train.steps={steps}", $"train.batch={batch}",
            "train.lr=2e-3", "train.warmup=0.1", "train.beta2=0.98", "train.clip=1", "train.checkpointEvery=0");

        // Images are drawn, so that none has to be seen twice.
        new Pretraining(new RunOptions(recipe, backend, new SyntheticSource(steps * batch, 32, 0, train: true), Folder.Path)).Run();
        var accuracy = Accuracy(backend, new SyntheticSource(1000, 32, 0, train: false)).Top1;
        TestContext.Out.WriteLine($"{accuracy:F1} % of the test images ({clock.Elapsed.TotalSeconds:F0} s)");
        Assert.That(accuracy, Is.GreaterThan(90));
    }

    private static Recipe Recipe(params string[] more) => Toy.Recipe(["method.kind=supervised", "data.crop=center", "data.flip=false", .. more]);

    private static void Stop(CancellationTokenSource stop, long step)
    {
        if (step == 3)
        {
            stop.Cancel();
        }
    }

    private ClassificationAccuracy Accuracy(CpuBackend backend, IImageSource images)
    {
        using var method = MethodCatalog.Load(Folder.Path, backend);
        return HeadAccuracy.Of((IClassifier)method, images, workers: 1);
    }
}
