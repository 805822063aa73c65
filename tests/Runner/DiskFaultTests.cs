using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>A disk that is full at one moment or another, and one that takes no writes at all.</summary>
public sealed class DiskFaultTests : FolderPerTest
{
    private string _disk = "", _copy = "";

    [SetUp]
    public void SetUp()
    {
        MountedFolder.Require();
        _disk = Directory.CreateDirectory(Folder["disk"]).FullName;
        _copy = Folder["copy"];
    }

    /// <summary>From a disk that takes hardly the configuration to one that takes some checkpoints: pages of 4 KiB, a checkpoint of some 200 KiB.</summary>
    [TestCase(8)]
    [TestCase(64)]
    [TestCase(208)]
    [TestCase(300)]
    [TestCase(512)]
    public void On_a_full_disk_a_run_says_so_loses_nothing_and_goes_on_when_there_is_room(int kilobytes)
    {
        var run = Path.Combine(_disk, "run");
        var (code, result, human) = MountedFolder.Run(_disk, kilobytes, null, readOnly: false, _copy, Pretrain(run));
        Assert.That(code, Is.EqualTo(1), human);
        using var error = JsonDocument.Parse(result);
        Assert.That(error.RootElement.GetProperty("error").GetProperty("message").GetString(), Does.Contain("No space left on device").And.Contain(_disk));
        Assert.That(error.RootElement.GetProperty("error").GetProperty("remedy").GetString(), Does.Contain("disk space"));

        var checkpoints = Path.Combine(_copy, "run", RunFiles.Checkpoints);
        var whole = CheckpointFolder.List(checkpoints);
        foreach (var checkpoint in whole)
        {
            CheckpointFolder.Verify(checkpoint.Folder);
        }

        Assert.That(CheckpointFolder.LatestValid(checkpoints, out var warnings)?.Step, Is.EqualTo(whole.Count == 0 ? null : whole[0].Step));
        Assert.That(warnings, Is.Empty, "nothing half-written has a checkpoint's name");
        TestContext.Out.WriteLine($"{kilobytes} KiB: {whole.Count} whole checkpoints");

        // More room: the run that is on the disk goes on, or starts where not even its configuration was written.
        var more = Folder["more"];
        (code, result, human) = MountedFolder.Run(_disk, 64 << 10, _copy, readOnly: false, more, [.. Pretrain(run), "--resume"]);
        Assert.That(code, Is.Zero, human);
        using var done = JsonDocument.Parse(result);
        Assert.That(done.RootElement.GetProperty("steps").GetInt32(), Is.EqualTo(40));
        if (whole.Count > 0)
        {
            Assert.That(human, Does.Contain($"step {whole[0].Step}."), "it goes on from the newest");
        }
    }

    [Test]
    public void On_a_disk_that_takes_no_writes_a_run_says_so_and_is_left_as_it_is()
    {
        var run = Path.Combine(_disk, "run");
        var first = Folder["first"];
        Assert.That(MountedFolder.Run(_disk, 64 << 10, null, readOnly: false, first, Pretrain(run)).ExitCode, Is.Zero);
        var (code, result, human) = MountedFolder.Run(_disk, 64 << 10, first, readOnly: true, _copy, "pretrain", "--out", run, "--resume", "--set", "train.steps=60", "--json");
        Assert.That(code, Is.EqualTo(1), human);
        using var error = JsonDocument.Parse(result);
        Assert.That(error.RootElement.GetProperty("error").GetProperty("message").GetString(), Does.Contain("Read-only file system").And.Contain(_disk));
        Assert.That(error.RootElement.GetProperty("error").GetProperty("remedy").GetString(), Does.Contain("writable --out"));
        foreach (var file in Directory.GetFiles(first, "*", SearchOption.AllDirectories))
        {
            Assert.That(File.ReadAllBytes(Path.Combine(_copy, Path.GetRelativePath(first, file))), Is.EqualTo(File.ReadAllBytes(file)), file);
        }
    }

    private static string[] Pretrain(string run) =>
    [
        "pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--threads", "2", "--out", run, "--json",
        .. Toy.Settings.Concat(["train.steps=40", "train.checkpointEvery=5", "train.keep=3"]).SelectMany(s => new[] { "--set", s }),
    ];
}
