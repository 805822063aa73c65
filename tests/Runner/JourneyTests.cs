using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>A journey at toy size, in slices: as a user makes it, stops it and goes on.</summary>
internal sealed class JourneyTests : FolderPerTest
{
    private static readonly string[] Short = Toy(12);

    [Test]
    public void A_journey_in_slices_skips_what_is_finished_and_tells_the_whole()
    {
        var first = Journey(["--steps", "l-dae", .. Short]);
        Assert.That(first.ExitCode, Is.Zero, first.Human);
        var written = File.GetLastWriteTimeUtc(Probe("l-dae"));
        var claims = first.Json.GetProperty("claims").EnumerateArray().Select(claim => claim.GetProperty("holds").ValueKind).ToArray();
        Assert.That(claims, Has.Length.EqualTo(5));
        Assert.That(claims, Is.All.EqualTo(JsonValueKind.Null));
        RequireTableAndPage();
        RequireSettings();

        var second = Journey(["--steps", "l-dae,single-level,9"]);
        Assert.That(second.ExitCode, Is.Zero, second.Human);
        Assert.That(second.Human, Does.Contain("finished before"));
        Assert.That(File.GetLastWriteTimeUtc(Probe("l-dae")), Is.EqualTo(written));
        var steps = second.Json.GetProperty("steps").EnumerateArray().ToArray();
        Assert.That(steps.Select(Name), Is.EqualTo(new[] { "l-dae", "single-level", "classical-dae" }));
        Assert.That(steps.Select(step => step.GetProperty("paper_top1").GetDouble()), Is.EqualTo(new[] { 64.5, 61.5, 23.6 }));
        foreach (var step in steps)
        {
            Assert.That(step.GetProperty("top1").GetDouble(), Is.InRange(0, 100));
        }

        double Top1(int step) => steps[step].GetProperty("top1").GetDouble();
        Assert.That(steps[1].GetProperty("change").GetDouble(), Is.EqualTo(Top1(1) - Top1(0)).Within(0.011));
        Assert.That(steps[1].GetProperty("paper_change").GetDouble(), Is.EqualTo(-3).Within(1e-9));
        var several = second.Json.GetProperty("claims").EnumerateArray().Single(claim => Name(claim) == "several levels beat one");
        Assert.That(several.GetProperty("holds").ValueKind, Is.EqualTo(JsonValueKind.Null), "one seed holds nothing");
        Assert.That(several.GetProperty("why").GetString(), Does.EndWith("it takes a second seed"));
        Assert.That(second.Json.GetProperty("ranked_systems").GetInt32(), Is.EqualTo(3));
        Assert.That(second.Json.GetProperty("rank_correlation").GetDouble(), Is.InRange(-1, 1));
        Assert.That(second.Human, Does.Contain("Rank correlation (Spearman) of 3 steps and points"));
    }

    [Test]
    public void Sweeps_over_time_and_block_reuse_one_checkpoint_and_seeds_have_a_spread()
    {
        var found = Journey(["--sweep", "block", "--seeds", "2", .. Short]);
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        found = Journey(["--sweep", "time"]);
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        Assert.That(Directory.GetDirectories(Out).Select(Path.GetFileName), Is.EquivalentTo(new[] { "l-dae", "results" }));
        Assert.That(Directory.GetDirectories(Path.Combine(Out, "l-dae")).Select(Path.GetFileName), Is.EquivalentTo(new[] { "seed-0", "seed-1" }));
        var sweeps = found.Json.GetProperty("sweeps").EnumerateArray().ToArray();
        Assert.That(sweeps.Select(Name), Is.EquivalentTo(new[] { "time", "block" }));
        var points = sweeps[0].GetProperty("points").EnumerateArray().ToArray();
        Assert.That(points, Has.Length.EqualTo(10));
        Assert.That(sweeps[1].GetProperty("points").EnumerateArray().Select(point => point.GetProperty("seeds").GetInt32()), Is.EqualTo(new[] { 2, 2 }));
        var step = found.Json.GetProperty("steps").EnumerateArray().Single();
        var each = Enumerable.Range(0, 2).Select(seed => JsonDocument.Parse(File.ReadAllText(Probe("l-dae", seed))).RootElement.GetProperty("top1").GetDouble()).ToArray();
        Assert.That(step.GetProperty("top1").GetDouble(), Is.EqualTo(each.Average()).Within(0.011));
        Assert.That(step.GetProperty("spread").GetDouble(), Is.EqualTo(each.Max() - each.Min()).Within(0.011));
        Assert.That(points.Single(point => point.GetProperty("label").GetString() == "10" && point.GetProperty("series").GetString() == "clean input")
            .GetProperty("top1").GetDouble(), Is.EqualTo(step.GetProperty("top1").GetDouble()), "the step's own probe");
    }

    [Test]
    public void Steps_with_the_same_tokenizer_train_it_once()
    {
        var found = Journey(["--steps", "conv-vae,linear-gamma,patch-vae", "--set", "tokenizer.trainEpochs=1", .. Short]);
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        string[] trained = [.. Directory.EnumerateFiles(Out, "tokenizer.safetensors", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Out, file)).Order()];
        Assert.That(trained, Is.EqualTo(new[]
        {
            Path.Combine("conv-vae", "seed-0", "tokenizer", "tokenizer.safetensors"),
            Path.Combine("patch-vae", "seed-0", "tokenizer", "tokenizer.safetensors"),
        }));
    }

    /// <summary>Fifteen levels are too few for linear beta and enough for the others.</summary>
    [Test]
    public void A_step_that_is_refused_is_named_with_its_reason_and_the_others_run()
    {
        var found = Journey(["--steps", "dit,l-dae", "--set", "noise.levels=15", .. Short]);
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        var steps = found.Json.GetProperty("steps").EnumerateArray().ToArray();
        Assert.That(steps.Select(Name), Is.EqualTo(new[] { "dit", "l-dae" }));
        Assert.That(steps[0].GetProperty("top1").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(steps[0].GetProperty("stopped").GetString(), Does.StartWith("noise.levels = 15 is not allowed"));
        Assert.That(steps[1].GetProperty("stopped").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(File.ReadAllText(Path.Combine(Out, "journey.md")), Does.Contain("dit: not there. noise.levels = 15 is not allowed"));
    }

    [Test]
    public void A_journey_of_which_nothing_can_be_had_fails_with_the_reason()
    {
        var refused = Journey(["--steps", "l-dae,single-level", "--set", "network.activation=geluErf", .. Short]);
        Assert.That(refused.ExitCode, Is.EqualTo(2));
        Assert.That(refused.Error("message"), Does.StartWith("network.activation = geluErf"));
    }

    [Test]
    public void A_run_that_fails_is_reported_and_the_journey_goes_on()
    {
        var found = Journey(["--steps", "l-dae,single-level", "--set", "train.clip=0", .. Short, "--set", "train.lr=1e30"]);
        Assert.That(found.ExitCode, Is.EqualTo(1), found.Human);
        Assert.That(found.Human.Split("failed: "), Has.Length.EqualTo(3), "both were tried");
        Assert.That(found.Error("message"), Does.Contain("finite"));
    }

    [Test]
    public void A_folder_of_something_else_is_refused()
    {
        Folder.Write(Path.Combine("journey", "config.json"), []);
        Assert.That(Journey(["--steps", "l-dae", .. Short]).ExitCode, Is.EqualTo(2));
    }

    /// <summary>Interrupted in its first step, killed in its second, a journey ends in the bits of an undisturbed one.</summary>
    [Test]
    public void A_journey_that_is_interrupted_and_killed_goes_on_where_it_was()
    {
        string[] arguments = [
            "journey", "--preset", "tiny", "--data", "synthetic:60", "--steps", "l-dae,single-level", "--device", "cpu", "--threads", "2", .. Toy(500, checkpointEvery: 20)];
        var whole = Folder["whole"];
        Assert.That(CommandLine.Run([.. arguments, "--out", whole]).ExitCode, Is.Zero);

        using (var interrupted = RunnerProcess.Start([.. arguments, "--out", Out]))
        {
            Wait(interrupted, () => HasCheckpoint("l-dae"));
            RunnerProcess.Signal(interrupted, "INT");
            interrupted.WaitForExit();
            Assert.That(interrupted.ExitCode, Is.EqualTo(130));
        }

        Assert.That(File.Exists(Path.Combine(Out, "journey.md")), Is.True, "the table of what there is");
        Assert.That(File.Exists(Probe("l-dae")), Is.False, "it was stopped in its first step");
        using (var killed = RunnerProcess.Start([.. arguments, "--out", Out]))
        {
            Wait(killed, () => HasCheckpoint("single-level"));
            killed.Kill();
            killed.WaitForExit();
        }

        Assert.That(File.Exists(Probe("l-dae")), Is.True);
        Assert.That(File.Exists(Probe("single-level")), Is.False, "it was killed in its second step");
        var written = File.GetLastWriteTimeUtc(Probe("l-dae"));
        var done = CommandLine.Run([.. arguments, "--out", Out, "--json"]);
        Assert.That(done.ExitCode, Is.Zero, done.Human);
        Assert.That(File.GetLastWriteTimeUtc(Probe("l-dae")), Is.EqualTo(written), "the first step was finished");
        foreach (var step in (string[])["l-dae", "single-level"])
        {
            byte[] Model(string journey) => File.ReadAllBytes(Path.Combine(journey, step, "seed-0", "checkpoints", "step-00000500", "model.safetensors"));
            Assert.That(Model(Out), Is.EqualTo(Model(whole)), step);
        }
    }

    private void RequireTableAndPage()
    {
        var page = File.ReadAllText(Path.Combine(Out, "report.html"));
        Assert.That(page, Does.Contain("<svg").And.Contain("l-dae").And.Contain("64.5"));
        Assert.That(page, Does.Not.Contain("<script"));
        Assert.That(page, Does.Not.Match("(src|href)=\"(?!data:|#)"));
        var table = File.ReadAllLines(Path.Combine(Out, "journey.md"));
        Assert.That(table, Has.One.StartsWith("| 7 l-dae | ").And.One.StartsWith("| several levels beat one | not measured |"));
        Assert.That(Path.Combine(Out, "results", "journey.json"), Does.Exist);
    }

    /// <summary>What would make steps unlike is refused.</summary>
    private void RequireSettings()
    {
        foreach (var (option, value) in new[] { ("--epochs", "3"), ("--preset", "cifar-tiny"), ("--data", "synthetic:50"), ("--seed", "1"), ("--set", "train.lr=0.5") })
        {
            var refused = Journey(["--steps", "single-level", option, value]);
            Assert.That(refused.ExitCode, Is.EqualTo(2), option);
            Assert.That(refused.Error("message"), Does.StartWith($"{option} {value} is given").And.Contain(Out));
            Assert.That(refused.Error("remedy"), Does.Contain("--out"));
        }
    }

    private string Out => Folder["journey"];

    private static string[] Toy(int steps, int checkpointEvery = 4) =>
    [
        .. new[]
        {
            "network.width=16", "network.depth=2", "network.encoderDepth=1", "network.heads=2", "train.batch=8", $"train.steps={steps}", "train.logEvery=1",
            $"train.checkpointEvery={checkpointEvery}",
        }.SelectMany(setting => new[] { "--set", setting }),
    ];

    private static string Name(JsonElement element) => element.GetProperty("name").GetString()!;

    private static void Wait(Process process, Func<bool> done)
    {
        var start = Stopwatch.GetTimestamp();
        while (!process.HasExited && !done() && Stopwatch.GetElapsedTime(start) < TimeSpan.FromMinutes(2))
        {
            Thread.Sleep(1);
        }
    }

    private bool HasCheckpoint(string step)
    {
        var checkpoints = Path.Combine(Out, step, "seed-0", "checkpoints");
        return Directory.Exists(checkpoints) && Directory.GetDirectories(checkpoints, "step-*").Length > 0;
    }

    private string Probe(string step, int seed = 0) => Path.Combine(Out, step, $"seed-{seed}", "results", "probe.json");

    private CommandLine Journey(string[] arguments)
    {
        string[] start = File.Exists(Path.Combine(Out, "journey.json")) ? [] : ["--preset", "tiny", "--data", "synthetic:60"];
        return CommandLine.Run(["journey", .. start, .. arguments, "--out", Out, "--device", "cpu", "--json"]);
    }
}
