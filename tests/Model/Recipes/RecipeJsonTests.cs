using System.Text.Json;
using CsCheck;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Recipes;

internal sealed class RecipeJsonTests
{
    private static IEnumerable<string> PresetNames => Presets.Names;

    [TestCaseSource(nameof(PresetNames))]
    public void A_preset_survives_writing_and_reading(string name)
    {
        var resolved = Presets.Get(name).Resolve();
        Assert.That(RecipeJson.Read(RecipeJson.Write(Presets.Get(name))), Is.EqualTo(resolved));
    }

    [Test]
    public void Random_assignments_survive_writing_and_reading() =>
        Assignments.Recipe.Sample(recipe => RecipeJson.Read(RecipeJson.Write(recipe)) == recipe.Resolve(), iter: 500);

    [TestCase("""{ "preset": "\ud800" }""")]
    [TestCase("""{ "train": { "precision": "\udc00" } }""")]
    [TestCase("""{ "\ud800.steps": 3 }""")]
    public void Half_a_surrogate_pair_is_refused(string json) =>
        Assert.That(Assignments.Refusal(() => RecipeJson.Read(json)).Message, Does.Contain("Unicode"));

    [Test]
    public void Every_field_is_written_under_its_name()
    {
        using var document = JsonDocument.Parse(RecipeJson.Write(new Recipe()));
        var written = document.RootElement.EnumerateObject()
            .SelectMany(group => group.Value.EnumerateObject().Select(field => $"{group.Name}.{field.Name}"));
        Assert.That(written, Is.EqualTo(RecipeFields.All.Select(field => field.Name)));
    }

    [Test]
    public void Dependent_defaults_are_written_resolved()
    {
        using var document = JsonDocument.Parse(RecipeJson.Write(new Recipe { Tokenizer = new TokenizerRecipe { Patch = 16 }, Data = new DataRecipe { ImageSize = 64 } }));
        var root = document.RootElement;
        Assert.Multiple(() =>
        {
            Assert.That(root.GetProperty("tokenizer").GetProperty("dim").GetInt32(), Is.EqualTo(32));
            Assert.That(root.GetProperty("noise").GetProperty("sigma").GetDouble(), Is.EqualTo(Math.Sqrt(2)));
            Assert.That(root.GetProperty("noise").GetProperty("schedule").GetString(), Is.EqualTo("linearSigma"));
            Assert.That(root.GetProperty("network").GetProperty("encoderDepth").GetInt32(), Is.EqualTo(6));
            Assert.That(root.GetProperty("probe").GetProperty("block").GetInt32(), Is.EqualTo(6));
            Assert.That(root.GetProperty("train").GetProperty("steps").ValueKind, Is.EqualTo(JsonValueKind.Null));
        });
    }

    [Test]
    public void Overrides_go_over_the_preset_wherever_it_stands_with_comments_and_trailing_commas()
    {
        var recipe = RecipeJson.Read("""
            {
              // the width of vit-b on small images
              "data": { "imageSize": 32, "crop": "center", },
              "tokenizer.scale": "whiten", /* dotted names are names too */
              "train": { "steps": 1e3, "lr": 5e-4, "minutes": null },
              "preset": "vit-b",
            }
            """);
        Assert.Multiple(() =>
        {
            Assert.That(recipe.Network.Width, Is.EqualTo(768));
            Assert.That(recipe.Data, Is.EqualTo(new DataRecipe { Crop = CropKind.Center }));
            Assert.That(recipe.Tokenizer.Scale, Is.EqualTo(LatentScaleKind.Whiten));
            Assert.That(recipe.Train.Steps, Is.EqualTo(1000));
            Assert.That(recipe.Train.Lr, Is.EqualTo(5e-4));
            Assert.That(recipe.Train.Ema, Is.EqualTo(0.9999));
        });
    }

    [TestCase("""{ "trian": { "steps": 3 } }""", "trian", "'train'")]
    [TestCase("""{ "train": { "stepz": 3 } }""", "train.stepz", "'train.steps'")]
    [TestCase("""{ "network.encoderdepth": 3 }""", "network.encoderdepth", "'network.encoderDepth'")]
    [TestCase("""{ "lr": 3 }""", "'lr'", "'train.lr'")]
    [TestCase("""{ "preset": "vit-1" }""", "vit-1", "'vit-b'")]
    [TestCase("""{ "train": { "steps": 0 } }""", "train.steps = 0", "from 1 to 2147483647")]
    [TestCase("""{ "train": { "steps": 1.5 } }""", "train.steps = 1.5", "whole number")]
    [TestCase("""{ "train": { "steps": [1] } }""", "train.steps", "number")]
    [TestCase("""{ "train": 5 }""", "'train'", "{ ... }")]
    [TestCase("""{ "noise": { "schedule": "linearsigmaa" } }""", "linearSigma, single, linearGammaSquared, linearBeta", "'linearSigma'")]
    [TestCase("[1]", "a list", "preset")]
    public void What_is_wrong_is_named(string json, string message, string remedy)
    {
        var error = Assignments.Refusal(() => RecipeJson.Read(json));
        Assert.Multiple(() =>
        {
            Assert.That(error.Message, Does.Contain(message));
            Assert.That(error.Remedy, Does.Contain(remedy));
        });
    }

    [Test]
    public void Broken_json_is_located_in_its_file()
    {
        var error = Assignments.Refusal(() => RecipeJson.Read("{\n  \"train\": {\n    \"steps\" 3\n", "run.json"));
        Assert.That(error.Message, Does.StartWith("run.json is not JSON, at line 3"));
    }

    [Test]
    public void A_missing_file_is_named()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        Assert.That(Assignments.Refusal(() => RecipeJson.ReadFile(path)), Has.Message.Contains(path).And.Property(nameof(LdaeException.Remedy)).Contains("--config"));
    }
}
