using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;

namespace LDaeCore.Runner;

/// <summary>A few images with their features, to compare with those of the exported encoder.</summary>
internal static class SampleFeatures
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "sample.safetensors";

    /// <summary>Number of images.</summary>
    public const int Images = 4;

    /// <summary>Writes <c>images</c>, bytes [4, H, W, 3], and <c>features</c>, float32 [4, C].</summary>
    /// <returns>The path.</returns>
    public static string Write(string path, IEncoder encoder)
    {
        var side = encoder.ImageSize;
        var source = new SyntheticSource(Images, side, 0, train: false);
        var pixels = new byte[Images * side * side * 3];
        for (var i = 0; i < Images; i++)
        {
            source.Decode(i).Pixels.CopyTo(pixels.AsSpan(i * side * side * 3));
        }

        using var extractor = new FeatureExtractor(encoder);
        var features = new float[Images * extractor.Channels];
        extractor.Extract(pixels, 0, features);
        SafetensorsWriter.Write(path, [SafetensorsTensor.U8("images", pixels, Images, side, side, 3), SafetensorsTensor.F32("features", features, Images, extractor.Channels)]);
        return path;
    }
}
