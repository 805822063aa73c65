using System.Text.Json;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Networks;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Networks;

/// <summary>Learning-rate scales and weight decays by name, as MAE, timm and detectron2 give them to their ViTs' parameters.</summary>
public sealed class LayerDecayTests
{
    private static IEnumerable<string> Goldens() => Open().RootElement.EnumerateArray().Select(golden => golden.GetProperty("name").GetString()!);

    [TestCaseSource(nameof(Goldens))]
    public void Scales_and_decays_are_those_of_the_golden(string name)
    {
        using var document = Open();
        var golden = document.RootElement.EnumerateArray().Single(g => g.GetProperty("name").GetString() == name);
        var layers = new LayerDecay(golden.GetProperty("depth").GetInt32(), golden.GetProperty("rate").GetDouble())
        {
            Prefix = golden.TryGetProperty("prefix", out var prefix) ? prefix.GetString()! : "",
        };
        string[] except = [.. golden.GetProperty("noDecay").EnumerateArray().Select(n => n.GetString()!)];
        var decay = ParameterSettings.DecayMatrices(golden.GetProperty("decay").GetDouble(), except);

        // The pre-training's groups have no layers.
        var settings = layers.Depth > 0 ? layers.Scale(decay) : decay;
        using var backend = new ReferenceBackend();
        using var parameters = new ParameterSet(backend);
        foreach (var entry in golden.GetProperty("parameters").EnumerateObject())
        {
            var sizes = new int[entry.Value[0].GetInt32()];
            Array.Fill(sizes, 2);
            var found = settings(parameters.Declare(entry.Name, new Shape(sizes), Initializer.Zeros));
            var (scale, weightDecay) = (entry.Value[1].GetDouble(), entry.Value[2].GetDouble());
            Assert.That(found.RateScale, Is.EqualTo(scale).Within(1e-12 * scale), entry.Name);
            Assert.That(found.WeightDecay, Is.EqualTo(weightDecay), entry.Name);
        }

        Assert.That(parameters.All, Has.Count.GreaterThan(5));
    }

    [TestCase("cls_token", 0)]
    [TestCase("pos_embed", 0)]
    [TestCase("patch_embed.proj.bias", 0)]
    [TestCase("blocks.0.norm1.weight", 1)]
    [TestCase("blocks.11.mlp.fc2.bias", 12)]
    [TestCase("norm.weight", 13)]
    [TestCase("head.weight", 13)]
    [TestCase("decoder_pos_embed", 13)]
    [TestCase("blocks", 13)]
    [TestCase("blocks.x.weight", 13)]
    public void Layers_of_a_vit_of_twelve_blocks(string name, int layer)
    {
        var layers = new LayerDecay(12, 0.65);
        Assert.That(layers.LayerOf(name), Is.EqualTo(layer));
        Assert.That(layers.ScaleOf(name), Is.EqualTo(Math.Pow(0.65, 13 - layer)));
    }

    [Test]
    public void A_block_beyond_the_depth_is_an_error() =>
        Assert.That(() => new LayerDecay(12, 0.65).ScaleOf("blocks.12.norm1.weight"), Throws.ArgumentException.With.Message.Contains("blocks.12.norm1.weight"));

    [Test]
    public void Other_names_can_be_of_the_first_layer()
    {
        var layers = new LayerDecay(3, 0.5) { First = ["embeddings", "registers"], Blocks = "layer", Prefix = "vit." };
        Assert.That(
            new[] { "vit.embeddings.cls", "vit.registers", "vit.layer.2.weight", "vit.blocks.0.weight", "embeddings.cls" }.Select(layers.LayerOf),
            Is.EqualTo(new[] { 0, 0, 3, 4, 4 }));
    }

    private static JsonDocument Open() => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "goldens", "data", "layer_decay.json")));
}
