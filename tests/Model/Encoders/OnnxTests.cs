using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Goldens;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Encoders;

/// <summary>The ONNX file of an encoder, run by ONNX Runtime on photographs' pixels, has our features.</summary>
public sealed class OnnxTests
{
    private const int Side = 32;

    [TestCase(false, VitNorm.None, FeaturePooling.Mean, ActivationKind.GeluTanh)]
    [TestCase(false, VitNorm.Pooled, FeaturePooling.Mean, ActivationKind.GeluErf)]
    [TestCase(true, VitNorm.Tokens, FeaturePooling.Cls, ActivationKind.GeluErf)]
    [TestCase(true, VitNorm.Tokens, FeaturePooling.Mean, ActivationKind.GeluTanh)]
    public void Features_are_ours_whatever_the_batch(bool token, VitNorm norm, FeaturePooling pooling, ActivationKind activation)
    {
        var configuration = new VitConfiguration
        {
            ImageSize = Side,
            Patch = 8,
            Width = 48,
            Depth = 3,
            Heads = 3,
            MlpRatio = 4,
            ClassToken = token,
            Activation = activation,
            Norm = norm,
            Pooling = pooling,
            Range = token ? PixelRange.ImageNet : PixelRange.Symmetric,
        };
        var weights = VitFileTests.Random(configuration);
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "encoder.onnx");
        OnnxFile.Write(path, weights);
        using var session = OnnxSession.Open(path);
        Assert.That(session.InputMetadata["images"].Dimensions, Is.EqualTo(new[] { -1, Side, Side, 3 }));
        using var backend = new CpuBackend(1);
        using FeatureExtractor extractor = new(new VitEncoder(backend, weights, null), ownsEncoder: true);
        var images = Images();
        foreach (var count in (int[])[1, images.Count])
        {
            byte[] pixels = [.. images.Take(count).SelectMany(p => p)];
            var expected = new float[count * configuration.Width];
            extractor.Extract(pixels, 0, expected);
            using var found = session.Run([NamedOnnxValue.CreateFromTensor("images", new DenseTensor<byte>(pixels, [count, Side, Side, 3]))], ["features"]);
            var features = found[0].AsTensor<float>();
            Assert.That(features.Dimensions.ToArray(), Is.EqualTo(new[] { count, configuration.Width }));
            Assert.That(
                GoldenComparison.Error(Array.ConvertAll(expected, v => (double)v), [.. features.Select(v => (double)v)]), Is.LessThanOrEqualTo(1e-4));
        }
    }

    /// <summary>The image files beside the goldens, cropped as a probe crops.</summary>
    private static List<byte[]> Images()
    {
        var images = new List<byte[]>();
        var files = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "goldens", "data", "images"), "colour.*");
        foreach (var file in files.Where(f => !f.EndsWith(".ppm", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var pixels = new byte[Side * Side * 3];
            Augmentation.Center(ImageDecoder.Decode(File.ReadAllBytes(file), file), Side, pixels);
            images.Add(pixels);
        }

        return images;
    }
}
