using System.Text.Json;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The commands one after the other, at toy size, as a user runs them.</summary>
public sealed class WorkflowTests : FolderPerFixture
{
    private static readonly string[] Toy = [.. LDaeCore.Tests.Model.Training.Toy.Settings.SelectMany(s => new[] { "--set", s })];
    private string _run = "";

    [OneTimeSetUp]
    public void Pretrain()
    {
        _run = Folder["a run"];
        var done = CommandLine.Run(["pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--threads", "2", "--out", _run, "--json", .. Toy]);
        Assert.That(done.ExitCode, Is.Zero, done.Human);
        Assert.That(done.Json.GetProperty("steps").GetInt64(), Is.EqualTo(6));
        foreach (var name in (string[])["run", "device", "loss", "images_per_second", "peak_memory_bytes", "seconds"])
        {
            Assert.That(done.Json.TryGetProperty(name, out _), Is.True, name);
        }
    }

    [TestCase("config.json")]
    [TestCase("metrics.jsonl")]
    [TestCase("log.txt")]
    [TestCase("report.html")]
    [TestCase("checkpoints/step-00000006/model.safetensors")]
    [TestCase("checkpoints/step-00000006/optimizer.safetensors")]
    [TestCase("checkpoints/step-00000006/state.json")]
    public void The_run_folder_holds(string name) => Assert.That(Path.Combine(_run, name), Does.Exist);

    [Test]
    public void The_report_needs_nothing_but_itself()
    {
        var page = File.ReadAllText(Path.Combine(_run, "report.html"));
        Assert.That(page, Does.Contain("<svg"));
        Assert.That(page, Does.Not.Contain("<script"));
        Assert.That(page, Does.Not.Match("(src|href)=\"(?!data:|#)"));
    }

    [TestCase("linear")]
    [TestCase("knn")]
    public void Probe_reports_the_encoder_and_both_controls(string method)
    {
        var found = CommandLine.Run("probe", "--checkpoint", _run, "--data", "synthetic:60", "--method", method, "--out", Folder[method], "--json");
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        foreach (var name in (string[])["top1", "top5", "random_top1", "pixels_top1", "knn_top1"])
        {
            Assert.That(found.Json.GetProperty(name).GetDouble(), Is.InRange(0, 100), name);
        }

        Assert.That(found.Json.GetProperty("input").GetString(), Is.EqualTo("original"));
        Assert.That(found.Json.GetProperty("weights").GetString(), Is.EqualTo("raw"));
        Assert.That(found.Json.TryGetProperty("choices", out _), Is.EqualTo(method == "linear"), "nearest neighbours choose nothing");
    }

    [Test]
    public void Averaged_weights_are_kept_unless_turned_off_and_can_be_read()
    {
        string[] averaged = ["--checkpoint", _run, "--data", "synthetic:60", "--weights", "ema", "--json"];
        var probed = CommandLine.Run(["probe", .. averaged, "--method", "knn", "--out", Folder["ema probe"]]);
        Assert.That(probed.ExitCode, Is.Zero, probed.Human);
        Assert.That(probed.Json.GetProperty("weights").GetString(), Is.EqualTo("ema"));
        var drawn = CommandLine.Run(["reconstruct", .. averaged, "--images", "4", "--out", Folder["ema grid"]]);
        Assert.That(drawn.ExitCode, Is.Zero, drawn.Human);
        Assert.That(drawn.Json.GetProperty("weights").GetString(), Is.EqualTo("ema"));
        var raw = CommandLine.Run("reconstruct", "--checkpoint", _run, "--data", "synthetic:60", "--images", "4", "--out", Folder["raw grid"], "--json");
        Assert.That(raw.Json.GetProperty("psnr_output").GetDouble(), Is.Not.EqualTo(drawn.Json.GetProperty("psnr_output").GetDouble()));
    }

    [Test]
    public void The_last_probe_of_each_method_is_kept_with_the_run()
    {
        foreach (var method in (string[])["linear", "knn"])
        {
            var found = CommandLine.Run(
                "probe", "--checkpoint", _run, "--data", "synthetic:60", "--method", method, "--out", Folder[$"kept {method}"], "--json");
            Assert.That(found.ExitCode, Is.Zero, found.Human);
            var name = method == "knn" ? "last-probe-knn" : "last-probe";
            using var kept = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_run, "results", $"{name}.json")));
            Assert.That(kept.RootElement.GetProperty("method").GetString(), Is.EqualTo(method));
            Assert.That(File.ReadAllText(Path.Combine(_run, "report.html")), Does.Contain($"Accuracy of the probe ({name})"));
        }

        Assert.That(File.ReadAllText(Path.Combine(_run, "report.html")), Does.Contain("Accuracy of the probe (last-probe)"), "still there");
    }

    [Test]
    public void Probe_reports_the_mean_and_spread_of_several_seeds()
    {
        var found = CommandLine.Run("probe", "--checkpoint", _run, "--data", "synthetic:60", "--seeds", "2", "--out", Folder["seeds"], "--json");
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        foreach (var (features, prefix) in new[] { ("trained", ""), ("random", "random_"), ("pixels", "pixels_") })
        {
            var top1 = found.Json.GetProperty("choices").EnumerateArray()
                .Where(c => c.GetProperty("features").GetString() == features)
                .Select(c => c.GetProperty("top1").GetDouble()).ToArray();
            Assert.That(top1, Has.Length.EqualTo(2));
            Assert.That(found.Json.GetProperty(prefix + "top1").GetDouble(), Is.EqualTo(top1.Average()).Within(0.011));
            Assert.That(found.Json.GetProperty(prefix + "top1_spread").GetDouble(), Is.EqualTo(top1.Max() - top1.Min()).Within(0.011));
        }
    }

    [TestCase("pca")]
    [TestCase("noised")]
    public void Probe_reads_other_inputs_blocks_and_times(string input)
    {
        var found = CommandLine.Run(
            "probe", "--checkpoint", Path.Combine(_run, "checkpoints", "step-00000006"), "--data", "synthetic:60", "--method", "knn", "--input", input, "--block", "2",
            "--time", "40", "--out", Folder[$"probe {input}"], "--json");
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        Assert.That(found.Json.GetProperty("block").GetInt32(), Is.EqualTo(2));
        Assert.That(found.Json.GetProperty("time").GetInt32(), Is.EqualTo(40));
    }

    [Test]
    public void Reconstruct_draws_a_grid_and_reports_the_ratios()
    {
        var found = CommandLine.Run(
            "reconstruct", "--checkpoint", _run, "--data", "synthetic:60", "--images", "20", "--sigma", "0.5", "--out", Folder["grid"], "--json");
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        Assert.That(found.Json.GetProperty("psnr_projected").GetDouble(), Is.GreaterThan(found.Json.GetProperty("psnr_noised").GetDouble()));
        Assert.That(found.Json.GetProperty("psnr_output").GetDouble(), Is.GreaterThan(0));
        Assert.That(found.Json.GetProperty("picture").GetString(), Does.Exist);
    }

    [Test]
    public void Pca_and_inspect_tell_what_they_find()
    {
        var pca = CommandLine.Run("pca", "--preset", "demo", "--data", "synthetic:60", "--out", Folder["pca"], "--json");
        Assert.That(pca.ExitCode, Is.Zero, pca.Human);
        Assert.That(pca.Json.GetProperty("eigenvalues").GetArrayLength(), Is.EqualTo(48));
        Assert.That(CommandLine.Run("inspect", _run, "--json").Json.GetProperty("tensors").GetInt32(), Is.GreaterThan(20));
        Assert.That(CommandLine.Run("inspect", "synthetic", "--json").Json.GetProperty("train_classes").GetInt32(), Is.EqualTo(10));
    }

    [Test]
    public void A_folder_with_a_run_is_refused_without_resume_and_a_finished_run_has_nothing_left_to_do()
    {
        var refused = CommandLine.Run(["pretrain", "--preset", "demo", "--data", "synthetic:60", "--out", _run, "--json", .. Toy]);
        Assert.That(refused.ExitCode, Is.EqualTo(2));
        var resumed = CommandLine.Run("pretrain", "--out", _run, "--resume", "--json");
        Assert.That(resumed.ExitCode, Is.Zero, resumed.Human);
        Assert.That(resumed.Json.GetProperty("steps").GetInt64(), Is.EqualTo(6));
    }

    [TestCase("cifar10:/nowhere", 3)]
    [TestCase("folder:/nowhere", 3)]
    [TestCase("nonsense", 2)]
    public void Data_that_is_not_there_is_named(string data, int code)
    {
        var failed = CommandLine.Run(["pretrain", "--preset", "demo", "--data", data, "--out", Folder["never"], "--json", .. Toy]);
        Assert.That(failed.ExitCode, Is.EqualTo(code));
        Assert.That(failed.Error("message"), Does.Contain(data[(data.IndexOf(':', StringComparison.Ordinal) + 1)..]));
        Assert.That(failed.Error("remedy"), Is.Not.Empty);
    }

    [Test]
    public void A_checkpoint_that_is_not_there_or_is_broken_is_exit_3()
    {
        Assert.That(CommandLine.Run("probe", "--checkpoint", "/nowhere", "--data", "synthetic:60", "--json").ExitCode, Is.EqualTo(3));
        var file = Folder.Write("broken.safetensors", [1, 2, 3]);
        Assert.That(CommandLine.Run("probe", "--checkpoint", file, "--data", "synthetic:60", "--json").ExitCode, Is.EqualTo(3));
    }
}
