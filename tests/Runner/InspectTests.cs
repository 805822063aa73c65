using LDaeCore.Tests.Model.Data;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Runner;

/// <summary>Whatever the program writes or reads, inspect says what it is.</summary>
public sealed class InspectTests : FolderPerFixture
{
    [OneTimeSetUp]
    public void Pretrain()
    {
        string[] settings = [.. Toy.Settings.SelectMany(s => new[] { "--set", s })];
        Assert.That(CommandLine.Run(["pretrain", "--preset", "demo", "--data", "synthetic:20", "--out", At("run"), .. settings]).ExitCode, Is.Zero);
        Assert.That(CommandLine.Run("pca", "--preset", "demo", "--data", "synthetic:20", "--out", At("pca")).ExitCode, Is.Zero);
        Assert.That(CommandLine.Run("probe", "--checkpoint", At("run"), "--data", "synthetic:20", "--method", "knn", "--out", At("probe")).ExitCode, Is.Zero);
        Folder.Write("cifar10/data_batch_2.bin", new byte[2 * 3073]);
        Folder.Write("cifar10/test_batch.bin", new byte[3073]);
        Folder.Write("cifar100/test.bin", new byte[3074]);
        Folder.Write("odd.bin", new byte[3 * 3074]);
        Folder.Write("images/train/cat/a.png", ImageDecoderTests.Encode(6, 4, SKEncodedImageFormat.Png, 100).Encoded);
        Directory.CreateDirectory(At("empty"));
    }

    [TestCase("cifar10", "train_images", 2)]
    [TestCase("cifar10", "test_images", 1)]
    [TestCase("cifar10/data_batch_2.bin", "train_images", 2)]
    [TestCase("cifar10/test_batch.bin", "test_images", 1)]
    [TestCase("cifar100", "test_images", 1)]
    [TestCase("cifar100/test.bin", "test_classes", 100)]
    [TestCase("odd.bin", "train_classes", 100)]
    [TestCase("images", "train_images", 1)]
    public void A_data_set_is_known_by_its_files(string path, string name, int value)
    {
        var found = CommandLine.Run("inspect", At(path), "--json");
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        Assert.That(found.Json.GetProperty(name).GetInt32(), Is.EqualTo(value));
        Assert.That(found.Human, Does.Not.Contain("1 images").And.Not.Contain("1 classes"));
    }

    [TestCase("run", "tensors", "pretrain")]
    [TestCase("run/checkpoints", "tensors", "recipe")]
    [TestCase("run/checkpoints/step-00000006", "tensors", "recipe")]
    [TestCase("run/config.json", "recipe", "path")]
    [TestCase("pca", "tensors", "pca")]
    [TestCase("probe", "probe", "path")]
    [TestCase("probe/results/probe.json", "probe", "path")]
    public void What_commands_leave_is_told(string path, params string[] names)
    {
        var found = CommandLine.Run("inspect", At(path), "--json");
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        foreach (var name in names)
        {
            Assert.That(found.Json.TryGetProperty(name, out _), Is.True, name);
        }
    }

    [TestCase("empty")]
    [TestCase("nowhere")]
    public void What_is_nothing_of_the_kind_is_exit_3(string path)
    {
        var failed = CommandLine.Run("inspect", At(path), "--json");
        Assert.That(failed.ExitCode, Is.EqualTo(3));
        Assert.That(failed.Error("message"), Does.Contain(At(path)));
    }

    [Test]
    public void A_folder_of_checkpoints_can_be_probed()
    {
        var found = CommandLine.Run("probe", "--checkpoint", At("run/checkpoints"), "--data", "synthetic:20", "--method", "knn", "--out", At("again"), "--json");
        Assert.That(found.ExitCode, Is.Zero, found.Human);
    }

    private string At(string path) => Folder[path];
}
