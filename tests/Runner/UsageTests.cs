using LDaeCore.Model.Recipes;
using LDaeCore.Runner;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

internal sealed class UsageTests
{
    private static readonly string[] Commands = ["demo", "pretrain", "probe", "reconstruct", "sample", "export", "import", "pca", "journey", "inspect", "doctor", "completion"];

    [TestCaseSource(nameof(Commands))]
    public void Every_command_has_help_with_examples(string command)
    {
        var run = CommandLine.Run(command, "--help");
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Done));
            Assert.That(run.Result, Does.Contain("Examples:").And.Contain($"  ldae {command}").And.Contain("--json").And.Contain("--verbose"));
            Assert.That(run.Result, Does.StartWith("Description:").And.Contain("Usage:").And.Contain("Exit codes:\n  0 ").And.Contain("  130  "));
            Assert.That(run.Human, Is.Empty);
        });
    }

    [Test]
    public void The_help_of_the_program_names_every_command() =>
        Assert.That(Commands.Where(command => !CommandLine.Run("--help").Result.Contains($"\n  {command} ", StringComparison.Ordinal)), Is.Empty);

    [Test]
    public void The_help_of_pretrain_names_every_field_and_preset()
    {
        var help = CommandLine.Run("pretrain", "--help").Result;
        Assert.That(RecipeFields.All.Select(field => field.Name).Concat(Presets.Names).Where(name => !help.Contains($"  {name} ", StringComparison.Ordinal)), Is.Empty);
    }

    [TestCase("network.width=65536", "network.depth=1000", "57,985,468,170,288 parameters")]
    [TestCase("train.batch=1000000", "train.accumulate=500000", "1,000,000 images of 32 x 32 pixels")]
    public void What_no_memory_holds_is_refused(string one, string other, string figure)
    {
        using var folder = new TemporaryFolder();
        var run = CommandLine.Run(
            "pretrain", "--preset", "demo", "--data", "synthetic:40", "--device", "cpu", "--out", Path.Combine(folder.Path, "run"), "--set", one, "--set", other, "--json");
        Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Usage), run.Human);
        Assert.That(run.Error("message"), Does.Contain(figure));
    }

    [TestCase("pretrian", null, "'pretrian'", "'pretrain'")]
    [TestCase("pretrain --presett demo", "pretrain", "'--presett'", "'--preset'")]
    [TestCase("doctor --devise cpu", "doctor", "'--devise'", "'--device'")]
    [TestCase("doctor --jsom", "doctor", "'--jsom'", "'--json'")]
    [TestCase("inspect", "inspect", "PATH", "--help")]
    [TestCase("inspect a b", "inspect", "'b'", "--help")]
    [TestCase("probe --data synthetic", "probe", "--checkpoint", "--help")]
    [TestCase("probe --checkpoint a", "probe", "No images", "--data")]
    [TestCase("probe --checkpoint a --data b --method svm", "probe", "--method svm", "--help")]
    [TestCase("probe --checkpoint a --data b --block 2000", "probe", "probe.block = 2000", "1000")]
    [TestCase("probe --checkpoint a --data b --input pixels", "probe", "--input pixels", "--help")]
    [TestCase("pretrain --preset cifar-tiny", "pretrain", "No images", "--data")]
    [TestCase("journey --data synthetic", "journey", "size of the journey", "--preset with one of tiny")]
    [TestCase("journey --preset cifar", "journey", "No images", "--data")]
    [TestCase("journey --preset huge", "journey", "--preset huge", "--help")]
    [TestCase("journey --preset tiny --steps 4-x", "journey", "no step '4-x'", "--steps 1,4-7")]
    [TestCase("journey --preset tiny --steps 1,,3", "journey", "part of it is empty", "--steps 1,4-7")]
    [TestCase("journey --preset tiny --steps 0-3", "journey", "no step 0", "1 to 9")]
    [TestCase("journey --preset tiny --steps 10", "journey", "no step 10", "1 to 9")]
    [TestCase("journey --preset tiny --steps 99999999999", "journey", "no step 99999999999", "1 to 9")]
    [TestCase("journey --preset tiny --steps 7-4", "journey", "7-4 runs backwards", "4-7")]
    [TestCase("journey --preset tiny --steps 1-2-3", "journey", "no step '1-2-3'", "--steps 1,4-7")]
    [TestCase("journey --preset tiny --steps l-dea", "journey", "'l-dea'", "'l-dae'")]
    [TestCase("journey --preset tiny --sweep tme", "journey", "'tme'", "'time'")]
    [TestCase("journey --preset tiny --epochs 0", "journey", "--epochs 0", "--help")]
    [TestCase("journey --preset tiny --set train.lr=x", "journey", "train.lr = x", "train.lr")]
    [TestCase("pretrain --data synthetic", "pretrain", "No recipe", "cifar-tiny")]
    [TestCase("pretrain --data synthetic --preset cifar-tny", "pretrain", "'cifar-tny'", "'cifar-tiny'")]
    [TestCase("pretrain --data synthetic --preset demo --config x.json", "pretrain", "--config x.json", "one of them")]
    [TestCase("pretrain --data synthetic --config /nowhere/x.json", "pretrain", "/nowhere/x.json", "--config")]
    [TestCase("pretrain --data synthetic --preset demo --set train.stepz=3", "pretrain", "'train.stepz'", "'train.steps'")]
    [TestCase("pretrain --data synthetic --preset demo --set train.batch=10 --set train.accumulate=3", "pretrain", "train.accumulate = 3", "train.batch")]
    [TestCase("pretrain --data synthetic --preset demo --set train.precision=bf16", "pretrain", "train.precision = bf16", "fp32")]
    [TestCase("pretrain --data synthetic --preset demo --threads 0", "pretrain", "--threads 0", "--help")]
    [TestCase("pretrain --data synthetic --preset demo --seed -1", "pretrain", "--seed -1", "--help")]
    [TestCase("pretrain --data synthetic --preset demo --resume", "pretrain", "--resume", "--out")]
    [TestCase("pretrain --out /nowhere/run --resume", "pretrain", "no run to resume", "--preset")]
    [TestCase("pretrain --data synthetic --preset demo --set train.steps=99999999999", "pretrain", "from 1 to 2147483647", "train.steps")]
    [TestCase("pretrain --data synthetic --preset demo --threads 99999999999", "pretrain", "from 1 to 2147483647", "--help")]
    [TestCase("pretrain --data synthetic --preset demo --set noise.schedule=lin", "pretrain", "noise.schedule = lin", "'linearBeta'")]
    [TestCase("pretrain --data synthetic --preset demo --set noise.schedule=single --set noise.sigma=0", "pretrain", "noise.sigma = 0", "noise.sigma=null")]
    [TestCase("pretrain --data synthetic --preset demo --set train.knnEvery=1 --set data.holdOut=0", "pretrain", "data.holdOut = 0", "data.holdOut=0.1")]
    [TestCase("reconstruct --checkpoint a --data b --level 3 --sigma 0.5", "reconstruct", "--level 3 and --sigma 0.5", "one of them")]
    [TestCase("reconstruct --checkpoint a --data b --weights mean", "reconstruct", "--weights mean", "--help")]
    [TestCase("demo --device gpu", "demo", "--device gpu", "cpu")]
    [TestCase("demo --device cuda:x", "demo", "--device cuda:x", "cpu")]
    public void Bad_usage_is_exit_2_and_named(string line, string? command, string message, string remedy)
    {
        var run = CommandLine.Run([.. line.Split(' '), "--json"]);
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(ExitCodes.Usage));
            Assert.That(run.Json.GetProperty("command").GetString(), Is.EqualTo(command));
            Assert.That(run.Error("kind"), Is.EqualTo("configuration"));
            Assert.That(run.Error("message"), Does.Contain(message));
            Assert.That(run.Error("remedy"), Does.Contain(remedy));
            Assert.That(run.Human, Does.Contain(run.Error("message")).And.Contain(run.Error("remedy")));
            Assert.That(run.Result.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1), "standard output is the result object alone");
        });
    }

    [TestCase("pretrain", "train.seed")]
    [TestCase("probe", "0 when left out")]
    [TestCase("reconstruct", "0 when left out")]
    public void The_help_says_what_the_seed_is_when_left_out(string command, string words)
    {
        var help = CommandLine.Run(command, "--help").Result;
        Assert.That(help[help.IndexOf("--seed ", StringComparison.Ordinal)..].Split("--")[1], Does.Contain(words));
        Assert.That(help, Does.Contain("tar:GLOB or parquet:GLOB"));
    }

    [Test]
    public void More_threads_than_cores_are_not_started()
    {
        using var backend = (LDaeCore.Engine.Backends.Cpu.CpuBackend)DeviceChoice.Resolve("cpu").Open(1000);
        Assert.That(backend.Threads, Is.EqualTo(Environment.ProcessorCount));
    }

    [Test]
    public void No_command_is_bad_usage() => Assert.That(CommandLine.Run().ExitCode, Is.EqualTo(ExitCodes.Usage));

    [Test]
    public void Without_json_standard_output_stays_empty()
    {
        var run = CommandLine.Run("pretrain", "--set");
        Assert.That(run.Result, Is.Empty);
        Assert.That(run.Human, Is.Not.Empty);
    }

    [Test]
    public void Stack_traces_come_with_verbose_only()
    {
        string[] line = ["demo", "--device", "gpu"];
        Assert.That(CommandLine.Run(line).Human, Does.Not.Contain("   at "));
        Assert.That(CommandLine.Run([.. line, "--verbose"]).Human, Does.Contain("   at "));
    }
}
