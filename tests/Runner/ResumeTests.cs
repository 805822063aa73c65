using System.Text.Json;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>Runs that are gone on with, and folders that are taken already.</summary>
public sealed class ResumeTests : FolderPerTest
{
    private string _run = "";

    [SetUp]
    public void SetUp()
    {
        _run = Folder["run"];
    }

    [TestCase("network.width=32", "network.width = 32", "network.width = 16")]
    [TestCase("train.batch=4", "train.batch = 4", "train.batch = 8")]
    [TestCase("tokenizer.dim=5", "tokenizer.dim = 5", "tokenizer.dim = 6")]
    [TestCase("train.seed=1", "train.seed = 1", "train.seed = 0")]
    [TestCase("train.knnEvery=2", "train.knnEvery = 2", "train.knnEvery = 0")]
    public void Another_experiment_is_refused_and_the_run_stays_as_it_is(string assignment, string given, string started)
    {
        Start();
        var config = File.ReadAllText(Path.Combine(_run, "config.json"));
        var refused = Resume("--set", assignment);
        Assert.That(refused.ExitCode, Is.EqualTo(2), refused.Human);
        Assert.That(refused.Error("message"), Does.Contain(given).And.Contain(started));
        Assert.That(File.ReadAllText(Path.Combine(_run, "config.json")), Is.EqualTo(config));
        Assert.That(Resume().ExitCode, Is.Zero);
    }

    [Test]
    public void Other_images_and_another_seed_are_refused()
    {
        Start();
        var images = Resume("--data", "synthetic:50");
        Assert.That(images.ExitCode, Is.EqualTo(2));
        Assert.That(images.Error("message"), Does.Contain("--data synthetic:50").And.Contain("--data synthetic:40"));
        Assert.That(Resume("--seed", "3").ExitCode, Is.EqualTo(2));
        Assert.That(Resume("--data", "synthetic:40", "--seed", "0").ExitCode, Is.Zero);
    }

    [Test]
    public void Length_logging_checkpoints_and_probe_may_change()
    {
        Start();
        var longer = Resume(
            "--set", "train.steps=8", "--set", "train.logEvery=2", "--set", "train.checkpointEvery=3", "--set", "train.keep=9", "--set", "probe.time=20", "--threads", "1");
        Assert.That(longer.ExitCode, Is.Zero, longer.Human);
        Assert.That(longer.Json.GetProperty("steps").GetInt64(), Is.EqualTo(8));
    }

    [Test]
    public void A_finished_run_that_is_resumed_keeps_its_result()
    {
        var first = Start().Json;
        var result = File.ReadAllText(Path.Combine(_run, "results", "pretrain.json"));
        var again = Resume().Json;
        foreach (var name in (string[])["steps", "loss", "images_per_second"])
        {
            Assert.That(again.GetProperty(name).GetDouble(), Is.EqualTo(first.GetProperty(name).GetDouble()), name);
        }

        Assert.That(File.ReadAllText(Path.Combine(_run, "results", "pretrain.json")), Is.EqualTo(result));
    }

    [TestCase("{")]
    [TestCase("[]")]
    [TestCase("{\"data\":3}")]
    public void A_broken_note_of_the_images_is_named(string content)
    {
        Start();
        var path = Path.Combine(_run, "data.json");
        File.WriteAllText(path, content);
        var failed = Resume();
        Assert.That(failed.ExitCode, Is.EqualTo(3), failed.Human);
        Assert.That(failed.Error("message"), Does.Contain(path));
        File.Delete(path);
        Assert.That(Resume("--data", "synthetic:40").ExitCode, Is.Zero, "the remedy");
        Assert.That(JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty("data").GetString(), Is.EqualTo("synthetic:40"));
    }

    [Test]
    public void Checkpoints_that_are_all_broken_are_not_passed_over()
    {
        Start();
        foreach (var file in Directory.GetFiles(Path.Combine(_run, "checkpoints"), "model.safetensors", SearchOption.AllDirectories))
        {
            File.WriteAllText(file, "broken");
        }

        var failed = Resume();
        Assert.That(failed.ExitCode, Is.EqualTo(3), failed.Human);
        Assert.That(failed.Error("message"), Does.Contain("model.safetensors"));
        Assert.That(failed.Error("remedy"), Does.Contain(Path.Combine(_run, "checkpoints")));
    }

    [Test]
    public void A_run_without_a_checkpoint_starts_anew_and_says_so()
    {
        Start();
        Directory.Delete(Path.Combine(_run, "checkpoints"), recursive: true);
        var anew = Resume();
        Assert.That(anew.ExitCode, Is.Zero, anew.Human);
        Assert.That(anew.Human, Does.Contain("No checkpoint was written").And.Contain("anew"));
    }

    [Test]
    public void Checkpoints_without_a_configuration_are_a_run_all_the_same()
    {
        Start();
        File.Delete(Path.Combine(_run, "config.json"));
        var refused = Start();
        Assert.That(refused.ExitCode, Is.EqualTo(2));
        Assert.That(refused.Error("message"), Does.Contain("checkpoints"));
        var resumed = Resume("--set", "train.steps=7");
        Assert.That(resumed.ExitCode, Is.Zero, resumed.Human);
        Assert.That(resumed.Human, Does.Contain("Resumed from"));
    }

    [Test]
    public void A_folder_that_another_process_trains_in_is_refused()
    {
        Start();
        var log = File.ReadAllText(Path.Combine(_run, "log.txt"));
        using (new LDaeCore.Runner.RunLock(_run))
        {
            var refused = Resume("--set", "train.steps=12");
            Assert.That(refused.ExitCode, Is.EqualTo(2), refused.Human);
            Assert.That(refused.Error("message"), Does.Contain("Another process").And.Contain(_run));
            Assert.That(File.ReadAllText(Path.Combine(_run, "log.txt")), Is.EqualTo(log));
        }

        Assert.That(Resume("--set", "train.steps=12").ExitCode, Is.Zero, "when it has ended");
    }

    [Test]
    public void A_checkpoint_of_another_run_is_refused()
    {
        Start();
        var own = _run;
        _run = Folder["other"];
        Start("--set", "noise.sigma=0.7", "--set", "train.steps=9");
        Directory.Move(Path.Combine(_run, "checkpoints", "step-00000009"), Path.Combine(own, "checkpoints", "step-00000009"));
        _run = own;
        var refused = Resume("--set", "train.steps=12");
        Assert.That(refused.ExitCode, Is.EqualTo(3), refused.Human);
        Assert.That(refused.Error("message"), Does.Contain("step-00000009").And.Contain("noise.sigma = 0.7").And.Contain("of another run"));
        Directory.Delete(Path.Combine(own, "checkpoints", "step-00000009"), recursive: true);
        Assert.That(Resume("--set", "train.steps=12").ExitCode, Is.Zero, "the remedy");
    }

    [Test]
    public void A_configuration_of_another_run_is_refused()
    {
        Start();
        var config = Path.Combine(_run, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"flip\": false", "\"flip\": true", StringComparison.Ordinal));
        var refused = Resume("--set", "train.steps=12");
        Assert.That(refused.ExitCode, Is.EqualTo(3), refused.Human);
        Assert.That(refused.Error("message"), Does.Contain("data.flip = true"));
        File.Delete(config);
        Assert.That(Resume("--set", "train.steps=12").ExitCode, Is.Zero, "the remedy");
    }

    [Test]
    public void A_broken_configuration_may_be_deleted()
    {
        Start();
        var config = Path.Combine(_run, "config.json");
        File.WriteAllText(config, File.ReadAllText(config)[..100]);
        var refused = Resume();
        Assert.That(refused.ExitCode, Is.EqualTo(2), refused.Human);
        Assert.That(refused.Error("remedy"), Does.Contain("delete the file"));
        File.Delete(config);
        Assert.That(Resume("--set", "train.steps=12").ExitCode, Is.Zero, "the remedy");
    }

    [Test]
    public void Results_of_a_command_are_not_written_over()
    {
        string[] pca = ["pca", "--preset", "demo", "--data", "synthetic:20", "--out", _run, "--json"];
        Assert.That(CommandLine.Run(pca).ExitCode, Is.Zero);
        var again = CommandLine.Run(pca);
        Assert.That(again.ExitCode, Is.EqualTo(2));
        Assert.That(again.Error("remedy"), Does.Not.Contain("--resume"));
        Assert.That(CommandLine.Run("pretrain", "--out", _run, "--resume", "--json").Error("message"), Does.Contain("no run to resume"));
    }

    [Test]
    public void A_folder_without_a_run_cannot_be_resumed_by_itself()
    {
        var refused = Resume();
        Assert.That(refused.ExitCode, Is.EqualTo(2));
        Assert.That(refused.Error("message"), Does.Contain(_run).And.Contain("no run to resume"));
        Assert.That(Start("--resume").Human, Does.Contain("holds no run yet"));
    }

    [Test]
    public void A_loss_that_is_not_finite_leaves_a_report_and_a_line_in_the_log()
    {
        var failed = Start("--set", "train.lr=1e30", "--set", "train.warmup=0", "--set", "train.checkpointEvery=0");
        Assert.That(failed.ExitCode, Is.EqualTo(1), failed.Human);
        Assert.That(failed.Error("remedy"), Does.Contain("No checkpoint was written"));
        Assert.That(File.ReadAllText(Path.Combine(_run, "report.html")), Does.Contain("<svg").And.Contain("Step 2 has loss"));
        Assert.That(File.ReadAllText(Path.Combine(_run, "log.txt")), Does.Contain("error: " + failed.Error("message")));
    }

    private static string[] Settings(string[] more) =>
        ["--data", "synthetic:40", "--threads", "2", "--json", .. Toy.Settings.SelectMany(s => new[] { "--set", s }), .. more];

    private CommandLine Start(params string[] more) => CommandLine.Run(["pretrain", "--preset", "demo", "--out", _run, .. Settings(more)]);

    private CommandLine Resume(params string[] more) => CommandLine.Run(["pretrain", "--out", _run, "--resume", "--json", .. more]);
}
