using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Tests.Model.Encoders;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>export and import on the command line, and probe of what they write.</summary>
public sealed class ExportTests : FolderPerFixture
{
    private string _run = "";

    [OneTimeSetUp]
    public void Pretrain()
    {
        _run = Folder["run"];
        string[] toy = [.. LDaeCore.Tests.Model.Training.Toy.Settings.SelectMany(s => new[] { "--set", s })];
        var done = CommandLine.Run(
            ["pretrain", "--preset", "demo", "--data", "synthetic:60", "--device", "cpu", "--out", _run, "--json", .. toy, "--set", "network.gateInit=random"]);
        Assert.That(done.ExitCode, Is.Zero, done.Human);
    }

    [Test]
    public void An_exported_encoder_says_what_timm_needs_and_probes_like_the_run([Values("original", "pca")] string input)
    {
        var encoder = Folder[$"encoder {input}"];
        var exported = CommandLine.Run("export", "--checkpoint", _run, "--format", "timm", "--time", "40", "--input", input, "--out", encoder, "--json");
        Assert.That(exported.ExitCode, Is.Zero, exported.Human);
        Assert.That(exported.Json.GetProperty("file").GetString(), Does.Exist);
        using (var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(encoder, "config.json"))))
        {
            Assert.That(config.RootElement.GetProperty("architecture").GetString(), Does.StartWith("vit_"));
            var arguments = config.RootElement.GetProperty("model_args");
            Assert.That(arguments.GetProperty("embed_dim").GetInt32(), Is.EqualTo(16));
            Assert.That(arguments.GetProperty("act_layer").GetString(), Is.EqualTo("gelu_tanh"));
            Assert.That(arguments.GetProperty("global_pool").GetString(), Is.EqualTo("avg"));
            Assert.That(config.RootElement.GetProperty("pretrained_cfg").GetProperty("mean")[0].GetDouble(), Is.EqualTo(0.5));
        }

        var ours = Probe(_run, "--time", "40", "--input", input);
        var theirs = Probe(encoder);
        Assert.That(theirs.Json.GetProperty("knn_top1").GetDouble(), Is.EqualTo(ours.Json.GetProperty("knn_top1").GetDouble()));
        Assert.That(theirs.Json.GetProperty("pooling").GetString(), Is.EqualTo("mean"));
    }

    [Test]
    public void The_sample_holds_the_features_of_the_run_itself()
    {
        var encoder = Folder["sampled"];
        Assert.That(CommandLine.Run("export", "--checkpoint", _run, "--out", encoder).ExitCode, Is.Zero);
        Assert.That(CommandLine.Run("export", "--checkpoint", encoder, "--out", encoder + " again").ExitCode, Is.Zero);
        using SafetensorsFile first = SafetensorsFile.Open(Path.Combine(encoder, "sample.safetensors")), again = SafetensorsFile
            .Open(Path.Combine(encoder + " again", "sample.safetensors"));
        Assert.That(again.ReadInt32("images"), Is.EqualTo(first.ReadInt32("images")));
        Assert.That(again.ReadFloats("features"), Is.EqualTo(first.ReadFloats("features")).Within(1e-5));
        Assert.That(first.ReadFloats("features"), Has.Some.Not.Zero);
    }

    [Test]
    public void The_onnx_file_of_a_run_has_the_features_of_its_sample()
    {
        var encoder = Folder["onnx"];
        var exported = CommandLine.Run("export", "--checkpoint", _run, "--format", "onnx", "--out", encoder, "--json");
        Assert.That(exported.ExitCode, Is.Zero, exported.Human);
        using var session = OnnxSession.Open(exported.Json.GetProperty("file").GetString()!);
        using var sample = SafetensorsFile.Open(exported.Json.GetProperty("sample").GetString()!);
        var pixels = Array.ConvertAll(sample.ReadInt32("images"), v => (byte)v);
        using var found = session.Run([NamedOnnxValue.CreateFromTensor("images", new DenseTensor<byte>(pixels, [4, 8, 8, 3]))]);
        var expected = sample.ReadFloats("features");
        Assert.That(found[0].AsTensor<float>().ToArray(), Is.EqualTo(expected).Within(1e-4 * expected.Max(Math.Abs)));
    }

    [Test]
    public void An_imported_encoder_keeps_its_features()
    {
        var encoder = Folder["to import"];
        Assert.That(CommandLine.Run("export", "--checkpoint", _run, "--out", encoder).ExitCode, Is.Zero);
        var imported = CommandLine.Run("import", encoder, "--out", encoder + "ed", "--json");
        Assert.That(imported.ExitCode, Is.Zero, imported.Human);
        Assert.That(imported.Json.GetProperty("heads").GetInt32(), Is.EqualTo(2));
        Assert.That(File.ReadAllBytes(Path.Combine(encoder + "ed", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(Path.Combine(encoder, "model.safetensors"))));
        Assert.That(CommandLine.Run("inspect", encoder, "--json").Json.GetProperty("tensors").GetInt32(), Is.EqualTo(3 + 12));
    }

    [TestCase("encoder.onnx")]
    [TestCase("model.safetensors")]
    public void An_encoder_that_is_there_already_is_not_written_over(string file)
    {
        var folder = Directory.CreateDirectory(Folder["taken by " + file]).FullName;
        File.WriteAllText(Path.Combine(folder, file), "");
        foreach (var format in (string[])["timm", "onnx"])
        {
            var refused = CommandLine.Run("export", "--checkpoint", _run, "--format", format, "--out", folder, "--json");
            Assert.That(refused.ExitCode, Is.EqualTo(2), refused.Human);
            Assert.That(refused.Error("message"), Does.Contain(file));
        }

        Assert.That(new FileInfo(Path.Combine(folder, file)).Length, Is.Zero);
    }

    [TestCase(2, "--pooling", "cls", "not a foreign ViT")]
    [TestCase(2, "--block", "9", "probe.block")]
    public void What_a_run_does_not_have_is_refused(int code, string option, string value, string named) => Refused(_run, code, option, value, named);

    [TestCase(2, "--time", "5", "probe.time")]
    [TestCase(2, "--block", "9", "--block 9")]
    [TestCase(3, "--pooling", "cls", "class token")]
    public void What_a_vit_does_not_have_is_refused(int code, string option, string value, string named)
    {
        var encoder = Folder["plain"];
        if (!Directory.Exists(encoder))
        {
            Assert.That(CommandLine.Run("export", "--checkpoint", _run, "--out", encoder).ExitCode, Is.Zero);
        }

        Refused(encoder, code, option, value, named);
    }

    private static void Refused(string checkpoint, int code, string option, string value, string named)
    {
        var refused = CommandLine.Run("probe", "--checkpoint", checkpoint, "--data", "synthetic:60", option, value, "--json");
        Assert.That(refused.ExitCode, Is.EqualTo(code), refused.Human);
        Assert.That(refused.Error("message"), Does.Contain(named));
    }

    private CommandLine Probe(string checkpoint, params string[] more)
    {
        var found = CommandLine.Run(
            ["probe", "--checkpoint", checkpoint, "--data", "synthetic:60", "--method", "knn", "--out", Folder[Guid.NewGuid().ToString()], "--json", .. more]);
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        return found;
    }
}
