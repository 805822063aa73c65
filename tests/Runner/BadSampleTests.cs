using LDaeCore.Tests.Model.Data;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Runner;

/// <summary>Broken files and small data sets, as a user meets them.</summary>
public sealed class BadSampleTests : FolderPerTest
{
    [SetUp]
    public void SetUp()
    {
        var png = ImageDecoderTests.Encode(8, 8, SKEncodedImageFormat.Png, 100).Encoded;
        for (var i = 0; i < 6; i++)
        {
            Folder.Write($"images/train/{(i % 2 == 0 ? "even" : "odd")}/{i}.png", png);
            Folder.Write($"images/val/{(i % 2 == 0 ? "even" : "odd")}/{i}.png", png);
        }

        Folder.Write("images/train/odd/broken.png", [1, 2, 3]);
    }

    [Test]
    public void A_broken_image_is_skipped_named_once_and_counted_over_the_whole_run()
    {
        var done = Pretrain("--set", "train.knnEvery=3");
        Assert.That(done.ExitCode, Is.Zero, done.Human);
        Assert.That(done.Json.GetProperty("bad_samples").GetInt32(), Is.EqualTo(1));
        Assert.That(done.Human.Split("broken.png"), Has.Length.EqualTo(2), done.Human);

        var probed = CommandLine.Run("probe", "--checkpoint", At("run"), "--data", "folder:" + At("images"), "--out", At("probe"), "--json");
        Assert.That(probed.ExitCode, Is.Zero, probed.Human);
        Assert.That(probed.Json.GetProperty("bad_samples").GetInt32(), Is.EqualTo(1));
        Assert.That(probed.Human.Split("broken.png"), Has.Length.EqualTo(2), probed.Human);
    }

    [Test]
    public void More_broken_images_than_allowed_are_exit_3()
    {
        var failed = Pretrain("--max-bad-samples", "0");
        Assert.That(failed.ExitCode, Is.EqualTo(3));
        Assert.That(failed.Error("message"), Does.Contain("broken.png").And.Contain("--max-bad-samples 0"));
    }

    [Test]
    public void A_data_set_without_a_readable_image_is_exit_3()
    {
        foreach (var file in Directory.GetFiles(At("images/train"), "*.png", SearchOption.AllDirectories))
        {
            File.WriteAllText(file, "broken");
        }

        var failed = Pretrain();
        Assert.That(failed.ExitCode, Is.EqualTo(3), failed.Human);
        Assert.That(failed.Error("message"), Does.Contain("No image"));
    }

    [Test]
    public void A_held_out_share_of_almost_all_leaves_an_image_of_each_class()
    {
        var done = Pretrain("--set", "train.knnEvery=3", "--set", "data.holdOut=0.99");
        Assert.That(done.ExitCode, Is.Zero, done.Human);
        Assert.That(done.Json.GetProperty("knn_top1").GetDouble(), Is.InRange(0, 100));
    }

    [Test]
    public void A_single_image_cannot_be_held_out()
    {
        Folder.Write("one/data_batch_1.bin", new byte[3073]);
        Folder.Write("one/test_batch.bin", new byte[3073]);
        string[] data = ["--data", "cifar10:" + At("one")];
        var trained = CommandLine.Run(["pretrain", "--preset", "demo", .. data, "--out", At("run"), "--json", .. Settings, "--set", "train.knnEvery=1"]);
        Assert.That(trained.ExitCode, Is.EqualTo(3), trained.Human);
        Assert.That(trained.Error("message"), Does.Contain("train.knnEvery = 1"));
        Assert.That(CommandLine.Run(["pretrain", "--preset", "demo", .. data, "--out", At("run"), "--json", .. Settings]).ExitCode, Is.Zero);
        var probed = CommandLine.Run(["probe", "--checkpoint", At("run"), .. data, "--out", At("probe"), "--json"]);
        Assert.That(probed.ExitCode, Is.EqualTo(3), probed.Human);
        Assert.That(probed.Error("remedy"), Does.Contain("--method knn"));
    }

    private static string[] Settings => [.. Toy.Settings.SelectMany(s => new[] { "--set", s })];

    private string At(string path) => Folder[path];

    private CommandLine Pretrain(params string[] more) =>
        CommandLine.Run(["pretrain", "--preset", "demo", "--data", "folder:" + At("images"), "--out", At("run"), "--threads", "2", "--json", .. Settings, .. more]);
}
