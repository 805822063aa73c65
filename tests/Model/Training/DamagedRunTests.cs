using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>A run whose files were damaged: the newest whole checkpoint is taken, and never a broken one.</summary>
public sealed class DamagedRunTests : FolderPerTest
{
    private const int Block = 4096;

    private string Checkpoints => Folder[RunFiles.Checkpoints];

    [Test]
    public void A_checkpoint_cut_at_any_block_is_passed_over_for_the_one_before() =>
        DamageEveryBlock(content => Enumerable.Range(0, (content.Length + Block - 1) / Block).Select(block => content[..(block * Block)]));

    [Test]
    public void A_checkpoint_with_a_flipped_bit_in_any_block_is_passed_over_for_the_one_before()
    {
        var random = new Random(1);
        DamageEveryBlock(content => Enumerable.Range(0, (content.Length + Block - 1) / Block).Select(block =>
        {
            var flipped = (byte[])content.Clone();
            flipped[Math.Min(content.Length - 1, (block * Block) + random.Next(Block))] ^= (byte)(1 << random.Next(8));
            return flipped;
        }));
    }

    /// <summary>Its header is whole and its tensors are there, but the network that it describes would have billions of values.</summary>
    [TestCase("Width", 65536)]
    [TestCase("Depth", 1000)]
    public void A_model_file_that_promises_a_larger_network_is_refused_before_memory_is_taken(string field, int value)
    {
        Train();
        var path = Folder["promising.safetensors"];
        using (var model = SafetensorsFile.Open(Path.Combine(CheckpointFolder.LatestValid(Checkpoints, out _)!.Folder, TrainingCheckpoint.ModelFile)))
        {
            var recipe = TrainingCheckpoint.RecipeOf(model);
            recipe = recipe with { Network = field == "Width" ? recipe.Network with { Width = value } : recipe.Network with { Depth = value } };
            SafetensorsWriter.Write(
                path,
                [.. model.Entries.Select(entry => new SafetensorsTensor(entry.Name, entry.DType, [.. entry.Shape], stream =>
                {
                    var bytes = new byte[entry.ByteCount];
                    model.ReadBytes(entry.Name, 0, bytes);
                    stream.Write(bytes);
                }))],
                new Dictionary<string, string> { ["recipe"] = RecipeJson.Write(recipe) });
        }

        using var backend = new CpuBackend(1);
        var before = GC.GetTotalAllocatedBytes();
        var error = Assert.Throws<LdaeException>(() => MethodCatalog.LoadDenoiser(path, backend))!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain(path).And.Contain(field == "Width" ? "patch_embed.weight" : "blocks.2."));
        Assert.That(GC.GetTotalAllocatedBytes() - before, Is.LessThan(50 << 20));
    }

    [Test]
    public void The_newest_step_is_the_newest_whatever_the_clock_said_when_it_was_written()
    {
        Train();
        var folders = CheckpointFolder.List(Checkpoints);
        for (var i = 0; i < folders.Count; i++)
        {
            // The clock went back by a year with each checkpoint, and starts in the future.
            var time = new DateTime(2099 - folders.Count + i, 1, 1, 0, 0, 0, DateTimeKind.Utc);
            foreach (var file in Directory.GetFiles(folders[i].Folder))
            {
                File.SetLastWriteTimeUtc(file, time);
            }

            Directory.SetLastWriteTimeUtc(folders[i].Folder, time);
        }

        Assert.That(CheckpointFolder.LatestValid(Checkpoints, out _)!.Step, Is.EqualTo(6));
        using var backend = new CpuBackend(2);
        var result = new Pretraining(Toy.Options(Toy.Recipe("train.steps=8"), backend, Folder.Path) with { Resume = true }).Run();
        Assert.That((result.Steps, result.StepsRun), Is.EqualTo((8L, 2L)));
    }

    [Test]
    public void A_shard_that_is_gone_stops_the_run_by_its_name_and_the_run_goes_on_when_it_is_back()
    {
        var shards = Enumerable.Range(0, 4).Select(i => Folder.Write(
            $"shards/train-{i}.tar", Tar.Shard(10 * i, Enumerable.Range(0, 10).Select(k => (TarSourceTests.Png((byte)((10 * i) + k)), k % 3))))).ToArray();
        var source = TarSource.Open(Path.Combine(Folder.Path, "shards", "train-*.tar"), train: true);
        var run = Directory.CreateDirectory(Folder["run"]).FullName;
        using var backend = new CpuBackend(2);
        RunOptions Options(int steps) => new(Toy.Recipe($"train.steps={steps}"), backend, source, run) { Resume = true };
        Assert.That(new Pretraining(Options(2)).Run().Steps, Is.EqualTo(2));
        File.Move(shards[2], shards[2] + ".gone");
        var error = Assert.Throws<LdaeException>(() => new Pretraining(Options(20)).Run())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain(shards[2]));
        Assert.That(error.Remedy, Is.Not.Empty);
        File.Move(shards[2] + ".gone", shards[2]);
        Assert.That(new Pretraining(Options(20)).Run().Steps, Is.EqualTo(20));
    }

    private void DamageEveryBlock(Func<byte[], IEnumerable<byte[]>> damage)
    {
        Train();
        var newest = CheckpointFolder.List(Checkpoints)[0];
        var cases = 0;
        foreach (var path in Directory.GetFiles(newest.Folder))
        {
            var content = File.ReadAllBytes(path);
            foreach (var broken in damage(content))
            {
                File.WriteAllBytes(path, broken);
                Assert.That(CheckpointFolder.LatestValid(Checkpoints, out var warnings)!.Step, Is.EqualTo(4), $"{path}, {broken.Length} bytes");
                Assert.That(warnings, Has.Count.EqualTo(1).And.Some.Contains(newest.Folder));
                Assert.That(Assert.Throws<LdaeException>(() => TrainingCheckpoint.Locate(newest.Folder))!.Remedy, Is.Not.Empty, "asked for by name it is refused");
                cases++;
            }

            File.WriteAllBytes(path, content);
        }

        Assert.That(cases, Is.GreaterThan(40));
        Assert.That(CheckpointFolder.LatestValid(Checkpoints, out _)!.Step, Is.EqualTo(6), "repaired, it is taken again");
    }

    private void Train()
    {
        using var backend = new CpuBackend(2);
        new Pretraining(Toy.Options(Toy.Recipe(), backend, Folder.Path)).Run();
    }
}
