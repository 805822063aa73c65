using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Checkpoints;

/// <summary>A checkpoint is whole or it is not there; damage is found and named.</summary>
public sealed class CheckpointFolderTests
{
    [Test]
    public void What_is_written_verifies_and_is_listed_newest_first()
    {
        using var folder = new TemporaryFolder();
        var runs = folder["checkpoints"];
        Assert.That(CheckpointFolder.List(runs), Is.Empty);
        Assert.That(CheckpointFolder.LatestValid(runs, out _), Is.Null);
        Write(runs, 5);
        Write(runs, 120);
        var last = Write(runs, 20);
        Assert.That(CheckpointFolder.List(runs).Select(c => c.Step), Is.EqualTo((long[])[120, 20, 5]));
        Assert.That(Path.GetFileName(last.Folder), Is.EqualTo("step-00000020"));
        Assert.That(CheckpointFolder.Verify(last.Folder), Is.EqualTo(last));
        Assert.That(CheckpointFolder.LatestValid(runs, out var warnings)!.Step, Is.EqualTo(120));
        Assert.That(warnings, Is.Empty);
        Assert.That(Directory.GetDirectories(runs, ".*"), Is.Empty);
        Assert.That(File.ReadAllText(Path.Combine(last.Folder, "manifest.json")), Does.Contain("\"step\": 20").And.Contain("\"bytes\": 1000"));
    }

    [TestCase("truncated", "999")]
    [TestCase("flipped", "SHA-256")]
    [TestCase("gone", "model.bin")]
    [TestCase("no manifest", "manifest.json")]
    [TestCase("broken manifest", "manifest.json")]
    [TestCase("empty manifest", "manifest.json")]
    [TestCase("outside", "../model.bin")]
    [TestCase("other step", "step 20")]
    public void Damage_is_named_and_passed_over(string damage, string part)
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path, 10);
        var (_, broken) = Write(folder.Path, 20);
        var model = Path.Combine(broken, "model.bin");
        var manifest = Path.Combine(broken, "manifest.json");
        switch (damage)
        {
            case "truncated":
                File.WriteAllBytes(model, File.ReadAllBytes(model)[..999]);
                break;
            case "flipped":
                var bytes = File.ReadAllBytes(model);
                bytes[500] ^= 4;
                File.WriteAllBytes(model, bytes);
                break;
            case "gone":
                File.Delete(model);
                break;
            case "no manifest":
                File.Delete(manifest);
                break;
            case "broken manifest":
                File.WriteAllText(manifest, File.ReadAllText(manifest)[..40]);
                break;
            case "empty manifest":
                File.WriteAllText(manifest, "{}");
                break;
            case "outside":
                File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("model.bin", "../model.bin", StringComparison.Ordinal));
                break;
            default:
                Directory.Move(broken, broken = folder["step-00000021"]);
                break;
        }

        var error = Assert.Throws<LdaeException>(() => CheckpointFolder.Verify(broken))!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain(part));
        Assert.That(error.Remedy, Is.Not.Empty);
        Assert.That(CheckpointFolder.LatestValid(folder.Path, out var warnings)!.Step, Is.EqualTo(10));
        Assert.That(warnings, Has.Count.EqualTo(1));
        Assert.That(warnings[0], Does.Contain(part));
    }

    [Test]
    public void A_write_that_fails_leaves_the_earlier_checkpoint_and_no_new_one()
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path, 20);
        CheckpointFile[] files = [new("model.bin", p => File.WriteAllText(p, "half")), new("optimizer.bin", _ => throw new IOException("No space left"))];
        Assert.That(Assert.Throws<LdaeException>(() => CheckpointFolder.Write(folder.Path, 30, files))!.Kind, Is.EqualTo(ErrorKind.Run));
        Assert.That(Assert.Throws<LdaeException>(() => CheckpointFolder.Write(folder.Path, 20, files))!.Message, Does.Contain("No space left"));
        Assert.That(CheckpointFolder.List(folder.Path).Select(c => c.Step), Is.EqualTo((long[])[20]));
        Assert.That(CheckpointFolder.LatestValid(folder.Path, out var warnings)!.Step, Is.EqualTo(20));
        Assert.That(warnings, Is.Empty);
        Assert.That(Directory.GetDirectories(folder.Path).Select(Path.GetFileName), Is.EqualTo((string[])["step-00000020"]));
    }

    [Test]
    public void What_a_killed_run_left_is_neither_listed_nor_kept()
    {
        using var folder = new TemporaryFolder();
        var (_, path) = Write(folder.Path, 20);
        Directory.Move(path, folder[".tmp-step-00000020-77"]);
        Write(folder.Path, 10);
        Directory.CreateDirectory(folder["plots"]);
        Assert.That(CheckpointFolder.List(folder.Path).Select(c => c.Step), Is.EqualTo((long[])[10]));
        Assert.That(CheckpointFolder.LatestValid(folder.Path, out var warnings)!.Step, Is.EqualTo(10));
        Assert.That(warnings, Is.Empty);
        CheckpointFolder.RemoveStale(folder.Path);
        Assert.That(Directory.GetDirectories(folder.Path).Select(Path.GetFileName), Is.EquivalentTo((string[])["plots", "step-00000010"]));
    }

    [Test]
    public void A_checkpoint_of_the_same_step_is_replaced()
    {
        using var folder = new TemporaryFolder();
        Write(folder.Path, 20);
        var again = CheckpointFolder.Write(folder.Path, 20, [new CheckpointFile("only.txt", p => File.WriteAllText(p, "new"))]);
        Assert.That(Directory.GetFiles(again.Folder).Select(Path.GetFileName), Is.EquivalentTo((string[])["only.txt", "manifest.json"]));
        Assert.That(Directory.GetDirectories(folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_kill_between_the_two_renames_of_a_replacement_loses_nothing()
    {
        using var folder = new TemporaryFolder();
        var (_, path) = Write(folder.Path, 20);
        Directory.Move(path, folder[".old-step-00000020"]);
        CheckpointFolder.RemoveStale(folder.Path);
        Assert.That(CheckpointFolder.LatestValid(folder.Path, out _)!.Step, Is.EqualTo(20));
    }

    [Test]
    public void Pruning_keeps_the_newest()
    {
        using var folder = new TemporaryFolder();
        foreach (var step in (long[])[1, 2, 3, 4])
        {
            Write(folder.Path, step);
        }

        CheckpointFolder.Prune(folder.Path, 2, step: 4);
        Assert.That(CheckpointFolder.List(folder.Path).Select(c => c.Step), Is.EqualTo((long[])[4, 3]));
        Assert.That(Directory.GetDirectories(folder.Path), Has.Length.EqualTo(2));
    }

    [Test]
    public void Pruning_does_not_count_what_the_run_passed_over()
    {
        using var folder = new TemporaryFolder();
        foreach (var step in (long[])[2, 3, 9])
        {
            Write(folder.Path, step);
        }

        CheckpointFolder.Prune(folder.Path, 1, step: 3);
        Assert.That(CheckpointFolder.List(folder.Path).Select(c => c.Step), Is.EqualTo((long[])[9, 3]), "9 is broken, and the run went on from 2 to 3");
    }

    [TestCase("../x")]
    [TestCase("manifest.json")]
    [TestCase("")]
    public void A_file_name_stays_in_the_folder(string name)
    {
        using var folder = new TemporaryFolder();
        Assert.That(() => CheckpointFolder.Write(folder.Path, 1, [new CheckpointFile(name, _ => { })]), Throws.ArgumentException);
    }

    private static Checkpoint Write(string runs, long step) => CheckpointFolder.Write(runs, step, [
        new CheckpointFile("model.bin", p => File.WriteAllBytes(p, [.. Enumerable.Range(0, 1000).Select(i => (byte)(i * step))])),
        new CheckpointFile("state.json", p => File.WriteAllText(p, "{}")),
    ]);
}
