using LDaeCore.Model.Journey;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Journey;

internal sealed class JourneySweepsTests
{
    private static readonly JourneyPreset Cifar = JourneyPresets.Get("cifar"), Paper = JourneyPresets.Get("paper");

    private static IEnumerable<TestCaseData> Sweeps =>
        JourneyPresets.Names.SelectMany(preset => JourneySweeps.Names.Select(sweep => new TestCaseData(preset, sweep)));

    [TestCaseSource(nameof(Sweeps))]
    public void Points_have_runs_of_their_own_exactly_where_their_recipes_differ(string preset, string sweep)
    {
        var entries = JourneySweeps.Get(sweep, JourneyPresets.Get(preset)).Points.Select(point => point.Entry)
            .Concat(JourneySteps.All.Select(step => JourneyEntry.Of(step, JourneyPresets.Get(preset)))).ToArray();
        var named = entries.Select(entry => (entry.Run, entry.Probe)).Distinct().Count();
        Assert.That(named, Is.EqualTo(entries.Select(entry => entry.Recipe).Distinct().Count()));
        Assert.That(entries.GroupBy(entry => entry.Run).Select(run => run.Select(entry => entry.Recipe with { Probe = new ProbeRecipe() }).Distinct().Count()), Is.All.EqualTo(1));
        Assert.That(entries.Select(entry => entry.Run + entry.Probe), Has.None.Contains("/"));
    }

    [TestCase("time", 10)]
    [TestCase("block", 7)]
    public void Points_that_are_only_probed_share_the_checkpoint_of_the_l_dae(string sweep, int points)
    {
        var entries = JourneySweeps.Get(sweep, Cifar).Points.Select(point => point.Entry).ToArray();
        Assert.That(entries.Select(entry => entry.Run), Is.All.EqualTo("l-dae"));
        Assert.That(entries.Select(entry => entry.Probe), Is.Unique);
        Assert.That(entries, Has.Length.EqualTo(points));
        Assert.That(entries.Count(entry => entry == JourneyEntry.Of(JourneySteps.Get("l-dae"), Cifar)), Is.EqualTo(1), "the step's own probe is one of them");
    }

    [TestCase("levels", "l-dae single-level")]
    [TestCase("crop", "l-dae random-crop")]
    [TestCase("d", "patch-pca+tokenizer.dim=2 patch-pca+tokenizer.dim=4 patch-pca patch-pca+tokenizer.dim=16 patch-pca+tokenizer.dim=32 patch-pca+tokenizer.dim=48")]
    [TestCase("size", "random-crop+network.width=256+network.heads=4 random-crop random-crop+network.depth=24+network.encoderDepth=12")]
    public void Points_that_a_step_trains_are_that_steps_run(string sweep, string runs) =>
        Assert.That(JourneySweeps.Get(sweep, Cifar).Points.Select(point => point.Entry.Run), Is.EqualTo(runs.Split(' ')));

    [Test]
    public void The_sweep_over_tokenizers_holds_the_sweep_over_d_and_the_convolutional_one_at_multiples_of_four()
    {
        var all = JourneySweeps.Get("tokenizer-d", Cifar).Points;
        Assert.That(JourneySweeps.Get("d", Cifar).Points.Select(point => point.Entry), Is.SubsetOf(all.Select(point => point.Entry)));
        Assert.That(all.Where(point => point.Series == "conv VAE").Select(point => point.Label), Is.EqualTo(new[] { "4", "8", "16", "32", "48" }));
        Assert.That(all.Where(point => point.Series == "conv VAE" && point.Label == "4").Select(point => point.Entry.Run), Is.EqualTo(new[] { "linear-gamma" }));
    }

    /// <summary>8 of our 48 values keep about as much of the energy as 32 of the paper's 768 do.</summary>
    [Test]
    public void The_papers_numbers_stand_at_the_d_that_keeps_as_much()
    {
        double?[] table2 = [56.0, 63.4, 65.1, 60.0, 53.9];
        Assert.That(JourneySweeps.Get("d", Paper).Points.Select(point => point.PaperTop1), Is.EqualTo(table2));
        Assert.That(JourneySweeps.Get("d", Cifar).Points.Select(point => point.PaperTop1), Is.EqualTo(table2.Append(null)));
        Assert.That(JourneySweeps.Get("tokenizer-d", Paper).Points.Count(point => point.PaperTop1 is not null), Is.EqualTo(18));
    }

    [Test]
    public void Longer_runs_are_so_many_times_as_long_whatever_their_length_is_counted_in()
    {
        var steps = Cifar with { Recipe = RecipeFields.Apply(Cifar.Recipe, ["train.steps=7"]) };
        Assert.That(JourneySweeps.Get("epochs", steps).Points.Select(point => point.Entry.Recipe.Train.Steps), Is.EqualTo(new[] { 7, 14, 28 }));
        Assert.That(JourneySweeps.Get("epochs", Cifar.WithEpochs(1.5)).Points.Select(point => point.Entry.Recipe.Train.Epochs), Is.EqualTo(new[] { 1.5, 3, 6 }));
    }

    [Test]
    public void Resized_images_keep_their_number_of_tokens()
    {
        var points = JourneySweeps.Get("resize", Paper).Points;
        Assert.That(points.Select(point => point.Label), Is.EqualTo(new[] { "256", "128", "64", "32" }));
        Assert.That(points.Select(point => point.Entry.Recipe.Data.ImageSize / point.Entry.Recipe.Tokenizer.Patch), Is.All.EqualTo(16));
        Assert.That(points.Select(point => point.Entry.Recipe.Tokenizer.Dim), Is.EqualTo(new[] { 768, 192, 48, 12 }));
        Assert.That(points[2].Entry.Run, Is.EqualTo("resized-pixels"));
    }

    [Test]
    public void An_unknown_sweep_or_preset_is_refused_with_the_nearest()
    {
        Assert.That(Assignments.Refusal(() => JourneySweeps.Get("levls", Cifar)).Remedy, Does.Contain("'levels'"));
        Assert.That(Assignments.Refusal(() => JourneyPresets.Get("cifr")).Remedy, Does.Contain("'cifar'"));
    }
}
