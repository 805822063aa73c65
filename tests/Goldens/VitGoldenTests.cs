using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>ViTs under timm's names, read from a file and run, against PyTorch's.</summary>
[TestFixtureSource(typeof(GoldenBackend), nameof(GoldenBackend.All))]
public sealed class VitGoldenTests(GoldenBackend backend)
{
    [TestCase("vit_class_token", FeaturePooling.Cls, "out.cls")]
    [TestCase("vit_class_token", FeaturePooling.Mean, "out.mean")]
    [TestCase("vit_mean_token", FeaturePooling.Mean, "out.mean")]
    public void Features_of_a_file(string file, FeaturePooling pooling, string result) => Compare(file, pooling, result, null);

    [TestCase("vit_class_token")]
    [TestCase("vit_mean_token")]
    public void Features_after_the_first_block(string file) => Compare(file, FeaturePooling.Mean, "out.first_block", 1);

    private void Compare(string name, FeaturePooling pooling, string result, int? blocks)
    {
        var golden = GoldenFile.Open(name);
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "vit.safetensors");
        string[] others = ["in", "out", "const"];
        SafetensorsWriter.Write(path, [.. golden.Names.Where(n => !others.Contains(n.Split('.')[0])).Select(n =>
            SafetensorsTensor.F32(n, Array.ConvertAll(golden.Values(n), v => (float)v), [.. golden.Sizes(n).Select(s => (long)s)]))]);
        var weights = VitFile.Read(path, new VitReadOptions
        {
            Heads = golden.Size("heads"),
            Pooling = pooling,
            Activation = name == "vit_class_token" ? null : ActivationKind.GeluTanh,
        });
        using var device = backend.New();
        using var extractor = new FeatureExtractor(new VitEncoder(device, weights, blocks), ownsEncoder: true);
        var features = new float[golden.Values(result).Length];
        extractor.Extract(Array.ConvertAll(golden.Values("in.images"), v => (byte)v), 0, features);

        // Features are handed out in float32, whatever the device computes in.
        Assert.That(GoldenComparison.Error(golden.Values(result), Array.ConvertAll(features, v => (double)v)), Is.LessThanOrEqualTo(Math.Max(backend.Tolerance, 1e-6)));
    }
}
