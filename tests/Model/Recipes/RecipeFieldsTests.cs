using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Recipes;

internal sealed class RecipeFieldsTests
{
    /// <summary>Names that scripts rely on.</summary>
    private static readonly string[] Promised =
    [
        "train.steps", "train.epochs", "train.batch", "train.accumulate", "train.lr", "train.warmup", "train.precision", "train.minutes",
        "data.crop", "data.flip", "network.width", "network.depth", "network.encoderDepth", "network.heads", "network.gateInit", "network.activation",
        "tokenizer.kind", "tokenizer.dim", "tokenizer.scale", "cuda.autotune", "noise.schedule", "noise.levels", "noise.sigma",
        "objective.target", "objective.input", "objective.output", "conditioning.class", "conditioning.time",
    ];

    private static IEnumerable<RecipeField> Fields => RecipeFields.All;

    [TestCaseSource(nameof(Promised))]
    public void A_promised_name_is_a_field(string name) => Assert.That(RecipeFields.Get(name).Name, Is.EqualTo(name));

    [Test]
    public void Every_property_of_the_records_is_in_the_table()
    {
        var properties = typeof(Recipe).GetProperties()
            .SelectMany(group => group.PropertyType.GetProperties().Where(p => p.CanWrite).Select(p => $"{Camel(group.Name)}.{Camel(p.Name)}"));
        Assert.That(RecipeFields.All.Select(field => field.Name), Is.EquivalentTo(properties));
    }

    /// <summary>A line of the table that reads one field and writes another would pass no test but this.</summary>
    [TestCaseSource(nameof(Fields))]
    public void A_field_changes_itself_and_nothing_else(RecipeField field)
    {
        var before = new Recipe();
        var text = Other(field, field.Get(before));
        var after = field.Set(before, text);
        Assert.Multiple(() =>
        {
            Assert.That(field.Get(after), Is.EqualTo(text));
            Assert.That(RecipeFields.All.Where(f => f.Get(after) != f.Get(before)), Is.EqualTo(new[] { field }));
        });
    }

    [TestCaseSource(nameof(Fields))]
    public void A_field_refuses_nonsense_by_name(RecipeField field) => Assert.That(
        Assignments.Refusal(() => field.Set(new Recipe(), "nonsense")),
        Has.Message.EqualTo($"{field.Name} = nonsense is not allowed: it takes {field.Allowed}."));

    [Test]
    public void A_name_of_a_megabyte_is_refused_without_a_table_of_its_size()
    {
        var name = new string('x', 1 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assignments.Refusal(() => RecipeFields.Get(name));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(32 << 20));
    }

    [TestCase("train.lr=-1")]
    [TestCase("train.lr=NaN")]
    [TestCase("train.lr=Infinity")]
    [TestCase("train.ema=1")]
    [TestCase("train.warmup=1.01")]
    [TestCase("train.batch=0")]
    [TestCase("train.batch=99999999999")]
    [TestCase("train.seed=-1")]
    [TestCase("data.cropMinScale=0")]
    [TestCase("data.holdOut=1")]
    [TestCase("train.minutes=0")]
    [TestCase("conditioning.time=null")]
    public void A_value_outside_its_range_is_refused(string assignment)
    {
        var name = assignment[..assignment.IndexOf('=', StringComparison.Ordinal)];
        var error = Assignments.Refusal(() => RecipeFields.Apply(new Recipe(), [assignment]));
        Assert.That(error.Message, Does.StartWith(name).And.Contain(RecipeFields.Get(name).Allowed));
    }

    [Test]
    public void Assignments_apply_in_order()
    {
        var recipe = RecipeFields.Apply(
            new Recipe(), ["train.steps=5", " train.steps = 7 ", "cuda.autotune=off", "network.activation=gelu_erf", "train.seed=18446744073709551615"]);
        Assert.Multiple(() =>
        {
            Assert.That(recipe.Train.Steps, Is.EqualTo(7));
            Assert.That(recipe.Cuda.Autotune, Is.False);
            Assert.That(recipe.Network.Activation, Is.EqualTo(ActivationKind.GeluErf));
            Assert.That(recipe.Train.Seed, Is.EqualTo(ulong.MaxValue));
        });
    }

    [TestCase("train.steps")]
    [TestCase("=5")]
    [TestCase("")]
    public void What_is_no_assignment_is_refused(string assignment) =>
        Assert.That(Assignments.Refusal(() => RecipeFields.Apply(new Recipe(), [assignment])).Message, Does.Contain($"'{assignment}'"));

    [Test]
    public void Minutes_that_are_asked_for_take_away_epochs_that_are_not()
    {
        var demo = Presets.Get("demo");
        Assert.That(demo.Train.Epochs, Is.Not.Null);
        Assert.That(RecipeFields.Apply(demo, ["train.minutes=2"]).Resolve().Train.Epochs, Is.Null);
        Assert.That(RecipeFields.Apply(demo, ["train.epochs=7", "train.minutes=2"]).Train.Epochs, Is.EqualTo(7));
        Assert.That(RecipeFields.Apply(demo, ["train.minutes=2", "train.epochs=7"]).Train.Epochs, Is.EqualTo(7));
        Assert.That(RecipeFields.Apply(demo, ["train.minutes=null"]).Train.Epochs, Is.EqualTo(demo.Train.Epochs));
        Assert.That(RecipeJson.Read("""{ "preset": "demo", "train": { "minutes": 2 } }""").Train.Epochs, Is.Null);
        var both = RecipeFields.Apply(demo, ["train.minutes=2", "train.epochs=7"]);
        Assert.That(RecipeJson.Read(RecipeJson.Write(both)).Train, Is.EqualTo(both.Train));
    }

    [TestCase("objective.res", "objective.residualWeight")]
    [TestCase("ste", "train.steps")]
    [TestCase("train.setps", "train.steps")]
    [TestCase("TRAIN.LR", "train.lr")]
    [TestCase("widht", "network.width")]
    [TestCase("schedule", "noise.schedule")]
    [TestCase("objectiv.target", "objective.target")]
    public void The_nearest_name_is_suggested(string name, string nearest) =>
        Assert.That(Assignments.Refusal(() => RecipeFields.Get(name)).Remedy, Is.EqualTo($"Did you mean '{nearest}'?"));

    [TestCase("", "abc", 3)]
    [TestCase("abc", "ABC", 0)]
    [TestCase("abcd", "acbd", 1)]
    [TestCase("kitten", "sitting", 3)]
    [TestCase("ca", "abc", 3)]
    public void Edit_distances_are_the_textbooks(string a, string b, int distance)
    {
        Assert.That(NearestName.Distance(a, b), Is.EqualTo(distance));
        Assert.That(NearestName.Distance(b, a), Is.EqualTo(distance));
    }

    private static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static string Other(RecipeField field, string text) => field switch
    {
        { Choices: [_] } => throw new InvalidOperationException($"{field.Name} has one choice only."),
        { Choices.Count: > 1 } => field.Choices.First(choice => choice != text),
        { Range: null } => text == "true" ? "false" : "true",
        { IsWhole: true } => text == "7" ? "8" : "7",
        _ => "0.4375",
    };
}
