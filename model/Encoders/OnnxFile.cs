using System.Globalization;
using Google.Protobuf;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Protobuf;

namespace LDaeCore.Model.Encoders;

/// <summary>
/// Writes a ViT as an ONNX file: input <c>images</c>, bytes [batch, H, W, 3] of any batch; output <c>features</c>, float32 [batch, C].
/// </summary>
public static class OnnxFile
{
    /// <summary>Name of the file in an export's folder.</summary>
    public const string FileName = "encoder.onnx";

    /// <summary>Version of the format's container that opset 17 came with.</summary>
    private const long ContainerVersion = 8;

    /// <summary>Writes the file.</summary>
    /// <param name="path">The file; replaced when it is there.</param>
    /// <param name="weights">The ViT.</param>
    /// <exception cref="LdaeException">Configuration: it is larger than the 2 GiB of one protobuf message. Run: it cannot be written.</exception>
    public static void Write(string path, VitWeights weights)
    {
        var vit = weights.Configuration;
        var parameters = weights.Values.Values.Sum(v => (long)v.Length);
        if (parameters * sizeof(float) > int.MaxValue - (16 << 20))
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"An encoder of {parameters} values does not fit the 2 GiB of an ONNX file.", "Export fewer blocks with --block, or --format timm.");
        }

        var model = new ProtoMessage()
            .Add(1, ContainerVersion)
            .Add(2, "LDaeCore")
            .Add(3, typeof(OnnxFile).Assembly.GetName().Version?.ToString(3) ?? "0")
            .Add(7, new OnnxEncoder(weights).Build())
            .Add(8, new ProtoMessage().Add(1, "").Add(2, (long)OnnxEncoder.Opset));
        foreach (var (key, value) in new[]
        {
            ("image_size", vit.ImageSize.ToString(CultureInfo.InvariantCulture)),
            ("prepare", "short side to image_size by bicubic interpolation, centre crop, red, green, blue"),
        })
        {
            model.Add(14, new ProtoMessage().Add(1, key).Add(2, value));
        }

        try
        {
            using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
            using var stream = new CodedOutputStream(file, leaveOpen: true);
            model.WriteTo(stream);
            stream.Flush();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Run, $"{path} cannot be written: {e.Message}", "Free disk space or choose another --out.", e);
        }
    }
}
