using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using LDaeCore.Runner;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

internal sealed class RunFolderTests : FolderPerTest
{
    [Test]
    public void The_default_is_named_after_command_and_time()
    {
        var folder = RunFolder.Choose("pca", null, resume: false, new StoppedClock());
        Assert.That(folder, Is.EqualTo(new RunFolder(Path.Combine("runs", "pca-20260102-030405"), HoldsRun: false)));
    }

    [Test]
    public void A_folder_that_holds_a_run_is_refused_unless_it_is_resumed()
    {
        File.WriteAllText(Folder["config.json"], RecipeJson.Write(Presets.Get("demo")));
        string[] line = ["pretrain", "--preset", "demo", "--data", "synthetic", "--out", Folder.Path, "--json"];
        var refused = CommandLine.Run(line);
        Assert.Multiple(() =>
        {
            Assert.That(refused.ExitCode, Is.EqualTo(ExitCodes.Usage));
            Assert.That(refused.Error("message"), Does.Contain(Folder.Path).And.Contain("config.json"));
            Assert.That(refused.Error("remedy"), Does.Contain("--resume"));
            Assert.That(RunFolder.Choose("pretrain", Folder.Path, resume: true, TimeProvider.System).HoldsRun, Is.True);
        });
    }

    [Test]
    public void A_folder_without_a_run_is_taken_as_it_is() =>
        Assert.That(RunFolder.Choose("pretrain", Folder.Path, resume: false, TimeProvider.System), Is.EqualTo(new RunFolder(Folder.Path, HoldsRun: false)));

    [Test]
    public void A_file_in_its_place_is_refused()
    {
        var path = Folder["file"];
        File.WriteAllText(path, "");
        var error = Assert.Throws<LdaeException>(() => RunFolder.Choose("pretrain", path, resume: false, TimeProvider.System));
        Assert.That(error, Has.Message.Contains(path));
        Assert.That(Assert.Throws<LdaeException>(() => new RunFolder(Path.Combine(path, "below"), false).Create())!.Kind, Is.EqualTo(ErrorKind.Configuration));
    }

    [Test]
    public void A_resumed_run_brings_its_own_recipe_and_assignments_go_over_it()
    {
        var path = Folder["config.json"];
        File.WriteAllText(path, RecipeJson.Write(Presets.Get("cifar-small")));
        var recipe = new RecipeSource(null, null, ["train.steps=3"], 9).Load(RecipeJson.ReadFile(path), DeviceChoice.Resolve("cpu"));
        var expected = Presets.Get("cifar-small").Resolve();
        Assert.That(recipe, Is.EqualTo(expected with { Train = expected.Train with { Steps = 3, Seed = 9, Precision = TrainPrecision.Fp32 } }));
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    }
}
