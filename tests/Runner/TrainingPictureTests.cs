using System.Text.Json;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The pictures that a run keeps of itself: at powers of two and the last step, and as if nothing had happened when it was resumed.</summary>
internal sealed class TrainingPictureTests
{
    private static readonly string[] Settings = [.. Toy.Settings.SelectMany(s => new[] { "--set", s })];

    [Test]
    public void A_resumed_run_has_the_pictures_of_one_that_was_not()
    {
        using var folder = new TemporaryFolder();
        var (whole, halves) = (Path.Combine(folder.Path, "whole"), Path.Combine(folder.Path, "halves"));
        Done(["pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--out", whole, .. Settings, "--set", "train.steps=10"]);
        Done(["pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--out", halves, .. Settings, "--set", "train.steps=10"]);

        // As if killed after step 6, with pictures of steps that the resumed run has not done yet.
        foreach (var checkpoint in Directory.GetDirectories(Path.Combine(halves, RunFiles.Checkpoints)).Order(StringComparer.Ordinal).Skip(1))
        {
            Directory.Delete(checkpoint, recursive: true);
        }

        Done(["pretrain", "--out", halves, "--resume"]);
        var (expected, found) = (Figure(whole), Figure(halves));
        Assert.That(Steps(expected), Is.EqualTo(new[] { 0, 1, 2, 4, 8, 10 }));
        Assert.That(Steps(found), Is.EqualTo(Steps(expected)));
        Assert.That(found.GetProperty("rows").GetRawText(), Is.EqualTo(expected.GetProperty("rows").GetRawText()), "the same pictures, bit by bit");
        Assert.That(expected.GetProperty("inputs").EnumerateArray().Select(input => input.GetProperty("name").GetString()), Is.EqualTo(new[] { "clean", "projected", "noised" }));
        Assert.That(Directory.GetFiles(Path.Combine(whole, "figures")).Select(Path.GetFileName), Is.EquivalentTo(new[] { "components.json", "denoising.json" }), "few files");
    }

    [Test]
    public void What_a_run_does_not_have_is_said_and_not_drawn()
    {
        using var folder = new TemporaryFolder();
        var run = Path.Combine(folder.Path, "run");
        Done([
            "pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--out", run, .. Settings,
            "--set", "tokenizer.kind=patchAe", "--set", "objective.input=latent", "--set", "objective.output=latent", "--set", "train.steps=1",
        ]);
        var page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.That(page, Does.Contain("No filters: a tokenizer of kind patchAe has no principal components."));
        Assert.That(page, Does.Contain("No confusion matrix: ldae probe --checkpoint").And.Contain("No nearest neighbours"));
        Assert.That(page, Does.Not.Contain("Confusions").And.Not.Contain("Principal components"));
        Assert.That(page, Does.Contain("Denoising, through training").And.Contain("ldae pretrain --preset demo"));
    }

    private static JsonElement Figure(string run) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(run, "figures", "denoising.json"))).RootElement;

    private static IEnumerable<long> Steps(JsonElement figure) => figure.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("step").GetInt64());

    private static void Done(string[] line)
    {
        var run = CommandLine.Run(line);
        Assert.That(run.ExitCode, Is.Zero, run.Human);
    }
}
