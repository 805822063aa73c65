using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Recipes;

internal sealed class RecipeValidationTests
{
    private static IEnumerable<string> PresetNames => Presets.Names;

    [TestCaseSource(nameof(PresetNames))]
    public void Every_preset_can_be_trained_on_every_device(string name)
    {
        RecipeValidation.Check(Presets.Get(name));
        Assert.That(() => RecipeValidation.CheckDevice(Presets.Get(name), DeviceKind.Cpu), Throws.Nothing);
    }

    [Test]
    public void The_defaults_can_be_trained() => Assert.That(() => RecipeValidation.Check(new Recipe()), Throws.Nothing);

    [Test]
    public void Paper_presets_have_the_papers_numbers()
    {
        var recipe = Presets.Get("vit-half-l");
        Assert.Multiple(() =>
        {
            Assert.That(recipe.Train.Lr, Is.EqualTo(8e-4).Within(1e-18));
            Assert.That(recipe.Train.Warmup * recipe.Train.Epochs, Is.EqualTo(100));
            Assert.That(recipe.Network, Is.EqualTo(new NetworkRecipe { Width = 1024, Depth = 24, EncoderDepth = 12, Heads = 16 }));
            Assert.That(recipe.Tokenizer.Dim, Is.EqualTo(32));
            Assert.That(recipe.Train, Has.Property("Batch").EqualTo(2048).And.Property("Epochs").EqualTo(400).And.Property("Ema").EqualTo(0.9999));
        });
    }

    [TestCase("data.imageSize=30", "data.imageSize = 30", "tokenizer.patch = 4", "data.imageSize=28")]
    [TestCase("data.imageSize=2", "data.imageSize = 2", "tokenizer.patch = 4", "data.imageSize=4")]
    [TestCase("tokenizer.dim=49", "tokenizer.dim = 49", "1 to 48", "")]
    [TestCase("network.width=198", "network.width = 198", "multiple of 4", "")]
    [TestCase("network.heads=5", "network.heads = 5", "network.width = 192", "")]
    [TestCase("network.encoderDepth=12", "network.encoderDepth = 12", "1 to 11", "")]
    [TestCase("train.accumulate=3", "train.accumulate = 3", "train.batch = 128", "")]
    [TestCase("probe.block=13", "probe.block = 13", "network.depth = 12", "")]
    [TestCase("noise.levels=5", "probe.time = 10", "noise.levels = 5", "")]
    [TestCase("noise.sigma=0", "noise.sigma = 0", "above 0", "noise.sigma=null")]
    [TestCase("train.ema=0 probe.weights=ema", "probe.weights = ema", "train.ema", "train.ema=0.9999")]
    [TestCase("noise.schedule=single noise.sigma=0", "noise.sigma = 0", "above 0", "noise.sigma=null")]
    [TestCase("noise.schedule=linearBeta noise.levels=20", "noise.levels = 20", "21 or more", "noise.levels=1000")]
    [TestCase("train.knnEvery=1 data.holdOut=0", "data.holdOut = 0", "train.knnEvery = 1", "data.holdOut=0.1")]
    [TestCase("tokenizer.kind=patchVae", "objective.input = pixels", "tokenizer.kind = pca or identity", "objective.input=latent")]
    [TestCase("tokenizer.kind=patchAe objective.input=latent", "objective.output = original", "tokenizer.kind = pca or identity", "objective.output=latent")]
    [TestCase("tokenizer.kind=vqGan objective.input=latent objective.output=latent", "tokenizer.kind = vqGan", "pca", "tokenizer.kind=pca")]
    [TestCase(
        "tokenizer.kind=convVae tokenizer.patch=1 tokenizer.dim=2 objective.input=latent objective.output=latent", "tokenizer.patch = 1", "power of two", "tokenizer.patch=4")]
    [TestCase("tokenizer.kind=convVae tokenizer.dim=6 objective.input=latent objective.output=latent", "tokenizer.dim = 6", "multiple of 4", "tokenizer.dim=4")]
    [TestCase("tokenizer.kind=convVae tokenizer.channels=5 objective.input=latent objective.output=latent", "tokenizer.channels = 5", "even", "tokenizer.channels=6")]
    [TestCase("tokenizer.kind=convVae", "objective.input = pixels", "tokenizer.kind = pca or identity", "objective.input=latent")]
    [TestCase("tokenizer.kind=patchVae tokenizer.patch=8", "tokenizer.dim = 0", "1 to 192", "tokenizer.dim")]
    [TestCase("tokenizer.kind=identity tokenizer.dim=8", "tokenizer.dim = 8", "all 48 values", "tokenizer.dim=0")]
    [TestCase("objective.target=noise", "objective.target = noise", "objective.output = latent", "objective.target=clean")]
    [TestCase("objective.output=latent objective.keptWeight=0", "objective.keptWeight = 0", "above 0", "objective.keptWeight=1")]
    [TestCase("conditioning.class=true conditioning.classes=1", "conditioning.classes = 1", "always the same", "conditioning.classes=0")]
    [TestCase("network.activation=gelu_erf", "network.activation = geluErf", "geluTanh", "")]
    public void What_makes_no_sense_or_is_not_there_is_refused_by_name(string assignment, string field, string allowed, string remedy)
    {
        var error = Assignments.Refusal(() => RecipeValidation.Check(RecipeFields.Apply(new Recipe(), assignment.Split(' '))));
        Assert.Multiple(() =>
        {
            Assert.That(error.Message, Does.StartWith(field).And.Contain(allowed));
            Assert.That(error.Remedy, Does.Contain(remedy).And.Not.Empty);
        });
    }

    [Test]
    public void Ranges_hold_for_recipes_written_in_code_too()
    {
        var recipe = new Recipe { Train = new TrainRecipe { Lr = double.NaN } };
        Assert.That(Assignments.Refusal(() => RecipeValidation.Check(recipe)).Message, Is.EqualTo("train.lr = NaN is not allowed: it takes a number 0 or more."));
    }

    [Test]
    public void A_loss_without_weights_is_refused()
    {
        var recipe = new Recipe { Objective = new ObjectiveRecipe { KeptWeight = 0, ResidualWeight = 0 } };
        Assert.That(Assignments.Refusal(() => RecipeValidation.Check(recipe)).Message, Does.StartWith("objective.keptWeight = 0"));
    }

    [TestCase("linearSigma", 1.4142135623730951)]
    [TestCase("single", 0.57735026918962573)]
    [TestCase("linearBeta", null)]
    public void Each_schedule_has_its_own_sigma(string schedule, double? sigma) =>
        Assert.That(RecipeFields.Apply(new Recipe(), [$"noise.schedule={schedule}"]).Noise.ResolvedSigma, Is.EqualTo(sigma));

    [TestCase(DeviceKind.Cpu, "cpu")]
    [TestCase(DeviceKind.Reference, "reference")]
    public void Bfloat16_is_refused_where_there_is_none(DeviceKind device, string name)
    {
        var recipe = new Recipe { Train = new TrainRecipe { Precision = TrainPrecision.Bf16 } };
        Assert.That(Assignments.Refusal(() => RecipeValidation.CheckDevice(recipe, device)).Message, Does.Contain("train.precision = bf16").And.Contain(name));
    }
}
