using LDaeCore.Model.Journey;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Journey;

internal sealed class JourneyStepsTests
{
    private static IEnumerable<string> PresetNames => JourneyPresets.Names;

    private static IEnumerable<TestCaseData> Steps =>
        JourneyPresets.Names.SelectMany(preset => JourneySteps.All.Select(step => new TestCaseData(preset, step.Name)));

    [TestCaseSource(nameof(Steps))]
    public void Of_the_resolved_recipe_before_it_a_step_changes_the_fields_it_names_and_no_others(string presetName, string name)
    {
        var (preset, step) = (JourneyPresets.Get(presetName), JourneySteps.Get(name));
        var before = JourneySteps.Before(step) is { } previous ? JourneySteps.RecipeOf(previous, preset) : preset.Recipe.Resolve();
        Assert.That(JourneyEntry.Differing(before, JourneySteps.RecipeOf(step, preset)).Select(field => field.Name), Is.EquivalentTo(step.Fields));
    }

    [TestCaseSource(nameof(PresetNames))]
    public void The_journey_arrives_at_its_presets_recipe(string name)
    {
        var preset = JourneyPresets.Get(name);
        Assert.That(JourneySteps.RecipeOf(JourneySteps.Get("l-dae"), preset), Is.EqualTo(preset.Recipe.Resolve()));
        Assert.That(preset.Recipe.Resolve().Tokenizer.Dim, Is.EqualTo(preset.PcaDim));
        Assert.That(preset.Dims, Does.Contain(preset.PcaDim).And.Contain(preset.VaeDim));
        Assert.That(() => RecipeValidation.Check(preset.Recipe), Throws.Nothing);
    }

    [Test]
    public void The_road_has_the_numbers_of_the_papers_figure_6() => Assert.That(
        Road("l-dae").Select(step => step.PaperTop1),
        Is.EqualTo(new[] { 57.5, 62.5, 59.0, 63.4, 64.9, 64.7, 65.1, 62.4, 63.6, 63.6, 63.9, 64.5 }));

    [Test]
    public void Steps_are_in_order_and_named_once()
    {
        Assert.That(JourneySteps.All.Select(step => step.Number), Is.Ordered);
        Assert.That(JourneySteps.All.Select(step => step.Number).Distinct(), Is.EqualTo(Enumerable.Range(1, 9)));
        Assert.That(JourneySteps.All.Select(step => step.Name), Is.Unique);
    }

    [TestCase("1,4-5", "dit linear-gamma patch-vae patch-ae patch-pca")]
    [TestCase("9, 2", "no-class classical-dae")]
    [TestCase("8,8,single-level", "single-level random-crop")]
    [TestCase("patch-pca,6-6", "patch-pca resized-pixels")]
    [TestCase("l-dae", "l-dae")]
    public void A_list_of_steps_is_read_in_the_journeys_order(string text, string names) =>
        Assert.That(StepList.Parse(text).Select(step => step.Name), Is.EqualTo(names.Split(' ')));

    [TestCase("")]
    [TestCase("1,")]
    [TestCase("-3")]
    [TestCase("3-")]
    [TestCase("0")]
    [TestCase("9-10")]
    [TestCase("5-4")]
    [TestCase("1 2")]
    [TestCase("dits")]
    public void Another_list_is_refused_with_a_remedy(string text)
    {
        var error = Assignments.Refusal(() => StepList.Parse(text));
        Assert.That(error.Message, Does.StartWith($"--steps {text} is not allowed"));
        Assert.That(error.Remedy, Is.Not.Empty);
    }

    [Test]
    public void Epochs_go_over_steps_and_minutes()
    {
        var preset = JourneyPresets.Get("tiny");
        var timed = preset with { Recipe = RecipeFields.Apply(preset.Recipe, ["train.steps=5", "train.minutes=3"]) };
        Assert.That(timed.WithEpochs(0.5).Recipe.Train, Is.EqualTo(preset.Recipe.Train with { Epochs = 0.5 }));
    }

    private static IEnumerable<JourneyStep> Road(string name)
    {
        var step = JourneySteps.Get(name);
        return JourneySteps.Before(step) is { } before ? Road(before.Name).Append(step) : [step];
    }
}
