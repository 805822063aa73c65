using System.Text.Json;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>Beside the last n checkpoints the one with the best nearest-neighbour accuracy stays.</summary>
public sealed class BestCheckpointTests : FolderPerTest
{
    private string Checkpoints => Folder[RunFiles.Checkpoints];

    [Test]
    public void The_best_is_kept_beside_the_last_and_told_again_when_the_run_goes_on()
    {
        using var backend = new CpuBackend(2);
        var first = Run(backend, steps: 30, resume: false);
        Check(first);
        Check(Run(backend, steps: 60, resume: true));
    }

    [TestCase("not json")]
    [TestCase("""{"step":77,"knn_top1":100}""")]
    [TestCase("""{"step":"x"}""")]
    [TestCase("[]")]
    public void A_file_that_names_no_checkpoint_is_passed_over(string content)
    {
        CheckpointFolder.Write(Checkpoints, 3, [new CheckpointFile("state.json", path => File.WriteAllText(path, "{}"))]);
        Assert.That(BestCheckpoint.Read(Checkpoints), Is.Null);
        File.WriteAllText(Path.Combine(Checkpoints, BestCheckpoint.FileName), content);
        Assert.That(BestCheckpoint.Read(Checkpoints), Is.Null);
        new BestCheckpoint(3, 41.5).Write(Checkpoints);
        Assert.That(BestCheckpoint.Read(Checkpoints), Is.EqualTo(new BestCheckpoint(3, 41.5)));
    }

    private RunResult Run(CpuBackend backend, int steps, bool resume)
    {
        var recipe = Toy.Recipe("train.knnEvery=3", "data.holdOut=0.25", $"train.steps={steps}", "train.keep=1", "train.checkpointEvery=10");
        return new Pretraining(Toy.Options(recipe, backend, Folder.Path) with { Resume = resume }).Run();
    }

    private void Check(RunResult result)
    {
        var probes = File.ReadLines(Folder[RunFiles.Metrics]).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("knn_top1", out _))
            .Select(line => (Step: line.GetProperty("step").GetInt64(), Top1: line.GetProperty("knn_top1").GetDouble())).ToArray();
        Assert.That(probes, Has.Length.EqualTo(result.Steps / 3));
        var best = probes.First(p => p.Top1 == probes.Max(q => q.Top1));
        Assert.That(result.Best, Is.EqualTo(new BestCheckpoint(best.Step, best.Top1)));
        Assert.That(BestCheckpoint.Read(Checkpoints), Is.EqualTo(result.Best));
        Assert.That(CheckpointFolder.List(Checkpoints).Select(c => c.Step), Is.EquivalentTo(new[] { best.Step, result.Steps }.Distinct()));
        CheckpointFolder.Verify(Path.Combine(Checkpoints, CheckpointFolder.NameOf(best.Step)));
    }
}
