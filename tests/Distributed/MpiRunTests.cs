using System.Diagnostics;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Data;
using NUnit.Framework;

using Invocation = LDaeCore.Tests.Runner.CommandLine;

namespace LDaeCore.Tests.Distributed;

/// <summary>The runner, started several times over by mpirun and by hand.</summary>
[NonParallelizable]
public sealed class MpiRunTests : FolderPerTest
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Test]
    public void One_two_and_four_processes_have_the_loss_curve_of_one_that_was_started_alone()
    {
        MpiRun.Require();
        var toys = MpiRun.Toys("train.steps=16");
        Assert.That(Invocation.Run(["pretrain", "--out", Folder["alone"], "--json", "--threads", "1", .. toys]).ExitCode, Is.Zero);
        var alone = MpiRun.Losses(Folder["alone"]);
        Assert.That(alone, Has.Length.EqualTo(16));
        foreach (var processes in (int[])[1, 2, 4])
        {
            var folder = Folder[$"by-{processes}"];
            Done(MpiRun.Start(processes, folder, toys));
            Assert.That(MpiRun.Losses(folder), Is.EqualTo(alone).Within(1e-5), $"{processes} processes");
            Assert.That(File.ReadAllText(Path.Combine(folder, RunFiles.Config)), Is.EqualTo(File.ReadAllText(Path.Combine(Folder["alone"], RunFiles.Config))));
        }
    }

    [Test]
    public void A_run_goes_on_with_another_number_of_processes()
    {
        MpiRun.Require();
        string[] Alone(params string[] more) => ["pretrain", "--out", Folder["alone"], "--json", "--threads", "1", .. more];
        Assert.That(Invocation.Run(Alone(MpiRun.Toys("train.steps=5"))).ExitCode, Is.Zero);
        Assert.That(Invocation.Run(Alone("--resume", "--set", "train.steps=9")).ExitCode, Is.Zero);
        Assert.That(Invocation.Run(Alone("--resume", "--set", "train.steps=12")).ExitCode, Is.Zero);
        var run = Folder["run"];
        Done(MpiRun.Start(4, run, MpiRun.Toys("train.steps=5")));
        Done(MpiRun.Start(2, run, "--resume", "--set", "train.steps=9"));
        Done(MpiRun.Start(1, run, "--resume", "--set", "train.steps=12"));
        Assert.That(MpiRun.Losses(run), Is.EqualTo(MpiRun.Losses(Folder["alone"])).Within(1e-5));
    }

    [TestCase(0)]
    [TestCase(1)]
    public void A_killed_process_is_named_by_the_others_and_the_run_goes_on(int rank)
    {
        MpiRun.Require();
        Killed(rank, byHand: false);
    }

    [Test]
    public void Processes_that_meet_by_themselves_do_the_same_without_mpi()
    {
        var toys = MpiRun.Toys("train.steps=12");
        Assert.That(Invocation.Run(["pretrain", "--out", Folder["alone"], "--json", "--threads", "1", .. toys]).ExitCode, Is.Zero);
        Done(MpiRun.StartByHand(2, Folder["run"], toys));
        Assert.That(MpiRun.Losses(Folder["run"]), Is.EqualTo(MpiRun.Losses(Folder["alone"])).Within(1e-5));
        Killed(1, byHand: true);
    }

    [Test]
    public void Whichever_process_is_asked_to_stop_all_do_after_the_same_step()
    {
        var folder = Folder["run"];
        using var run = MpiRun.StartByHand(2, folder, MpiRun.Toys("train.steps=1000000", "train.checkpointEvery=5"));
        Assert.That(SpinWait.SpinUntil(() => Directory.Exists(Path.Combine(folder, "checkpoints", "step-00000005")), Patience), Is.True, run.Errors);
        run.Terminate(1);
        Assert.That(run.Wait(Patience), Is.EqualTo(new[] { 130, 130 }), run.Errors);
        var steps = run.Result.GetProperty("steps").GetInt64();
        Assert.That(Directory.Exists(Path.Combine(folder, "checkpoints", $"step-{steps:D8}")), Is.True);
        Assert.That(MpiRun.Losses(folder), Has.Length.EqualTo(steps));
    }

    [Test]
    public void A_process_that_does_not_find_the_images_is_named_and_all_take_its_code()
    {
        var image = ImageDecoderTests.Encode(8, 8, SkiaSharp.SKEncodedImageFormat.Png, 100).Encoded;
        foreach (var name in (string[])["a/1", "a/2", "b/1", "b/2"])
        {
            Folder.Write($"images/train/{name}.png", image);
        }

        Directory.CreateDirectory(Folder["elsewhere"]);
        string[] toys = [.. MpiRun.Toys().Select(word => word == "synthetic:40" ? "folder:images" : word)];
        using var run = MpiRun.StartByHand([Folder.Path, Folder["elsewhere"]], Folder["run"], toys);
        Assert.That(run.Wait(Patience), Is.EqualTo(new[] { 3, 3 }), run.Errors);
        Assert.That(run.Errors, Does.Contain("rank 1: error: "));
        Assert.That(run.Result.GetProperty("error").GetProperty("message").GetString(), Does.StartWith("Rank 1: ").And.Contain("images"));
    }

    [Test]
    public void What_one_process_cannot_do_ends_all_with_its_code()
    {
        MpiRun.Require();
        using var run = MpiRun.Start(3, Folder["run"], MpiRun.Toys());
        Assert.That(run.Wait(Patience), Is.EqualTo(new[] { 2 }), run.Errors);
        Assert.That(run.Result.GetProperty("error").GetProperty("message").GetString(), Does.Contain("train.batch = 8").And.Contain("3 processes"));
        Assert.That(run.Errors.Split("error: train.batch"), Has.Length.EqualTo(2), "said once");
    }

    [Test]
    public void A_loss_that_is_not_finite_is_said_once_and_reported()
    {
        MpiRun.Require();
        var folder = Folder["run"];
        using var run = MpiRun.Start(2, folder, MpiRun.Toys("train.lr=1e30", "train.warmup=0"));
        Assert.That(run.Wait(Patience), Is.EqualTo(new[] { 1 }), run.Errors);
        Assert.That(run.Result.GetProperty("error").GetProperty("message").GetString(), Does.Contain("Step 2 has loss"));
        Assert.That(run.Errors.Split("Step 2 has loss"), Has.Length.EqualTo(2), run.Errors);
        Assert.That(File.ReadAllText(Path.Combine(folder, "report.html")), Does.Contain("Step 2 has loss"));
    }

    [Test]
    public void Every_process_looks_for_anomalies_in_its_own_part()
    {
        var toys = MpiRun.Toys("train.lr=1e30", "train.warmup=0");
        using var run = MpiRun.StartByHand(["/", "/"], Folder["run"], rank => rank == 0 ? toys : [.. toys, "--detect-anomaly"]);
        Assert.That(run.Wait(Patience), Is.EqualTo(new[] { 1, 1 }), run.Errors);
        Assert.That(run.Errors, Does.Match(@"rank 1: error: \w+ in step, \w+ .* is the first to write a value that is not finite"));
        Assert.That(run.Result.GetProperty("error").GetProperty("message").GetString(), Does.StartWith("Rank 1: ").And.Contain("is the first to write"));
    }

    [Test]
    [Category("Long")]
    public void A_process_that_is_suspended_before_all_are_connected_ends_the_wait()
    {
        MpiRun.Require();
        using var run = MpiRun.Start(2, Folder["run"], MpiRun.Toys("train.steps=1000000"));
        Assert.That(SpinWait.SpinUntil(() => run.Has(1), Patience), Is.True);
        run.Halt(1);
        Assert.That(run.Wait(TimeSpan.FromSeconds(30)), Is.All.Not.Zero);
        Assert.That(run.Errors, Does.Contain("error: Rank 0 has waited").Or.Contain("error: Rank 1 of 2 is gone"));
    }

    [Test]
    [Category("Long")]
    public void A_process_that_was_suspended_names_itself_when_it_resumes()
    {
        var folder = Folder["run"];
        using var run = MpiRun.StartByHand(3, folder, MpiRun.Toys("train.steps=1000000", "train.batch=6", "train.checkpointEvery=5"));
        Assert.That(SpinWait.SpinUntil(() => Directory.Exists(Path.Combine(folder, "checkpoints", "step-00000005")), Patience), Is.True, run.Errors);
        run.Halt(0);
        Assert.That(SpinWait.SpinUntil(() => !run.Has(1) && !run.Has(2), TimeSpan.FromSeconds(30)), Is.True, run.Errors);
        Assert.That(run.Errors, Does.Contain("rank 1: error: Rank 0 of 3 is gone").And.Contain("rank 2: error: Rank 0 of 3 is gone"));
        run.Wake(0);
        Assert.That(run.Wait(Patience), Is.All.EqualTo(1));
        Assert.That(run.Result.GetProperty("error").GetProperty("message").GetString(), Does.StartWith("Rank 0 of 3 did not respond"));
    }

    private void Killed(int rank, bool byHand)
    {
        var folder = Folder["killed"];
        var toys = MpiRun.Toys("train.steps=1000000", "train.checkpointEvery=5");
        using (var run = byHand ? MpiRun.StartByHand(2, folder, toys) : MpiRun.Start(2, folder, toys))
        {
            Assert.That(SpinWait.SpinUntil(() => Directory.Exists(Path.Combine(folder, "checkpoints", "step-00000005")), Patience), Is.True, run.Errors);
            var start = Stopwatch.GetTimestamp();
            run.Kill(rank);
            var codes = run.Wait(TimeSpan.FromSeconds(20));
            Assert.That(codes, Is.All.Not.Zero);
            Assert.That(!byHand || codes[1 - rank] == 1, "the survivor's exit code");
            TestContext.Out.WriteLine($"ended {Stopwatch.GetElapsedTime(start).TotalSeconds:F2} s after the kill");
            Assert.That(run.Errors, Does.Contain($"error: Rank {rank} of 2 is gone"));
            if (rank > 0)
            {
                Assert.That(File.ReadAllText(Path.Combine(folder, "log.txt")), Does.Contain($"Rank {rank} of 2 is gone"));
                Assert.That(run.Result.GetProperty("error").GetProperty("message").GetString(), Does.Contain($"Rank {rank} of 2 is gone"));
            }
        }

        var newest = Directory.GetDirectories(Path.Combine(folder, "checkpoints"), "step-????????").Select(Path.GetFileName).Max()!;
        var steps = long.Parse(newest["step-".Length..], System.Globalization.CultureInfo.InvariantCulture) + 3;
        Assert.That(Invocation.Run("pretrain", "--out", folder, "--resume", "--json", "--set", $"train.steps={steps}").Json.GetProperty("steps").GetInt64(), Is.EqualTo(steps));
    }

    private static void Done(MpiRun run)
    {
        using (run)
        {
            Assert.That(run.Wait(Patience), Is.All.Zero, run.Errors);
            Assert.That(run.Result.GetProperty("command").GetString(), Is.EqualTo("pretrain"));
        }
    }
}
