using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Cuda;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>What TensorBoard itself reads in a run's folder, where Python has it.</summary>
public sealed class TensorBoardTests
{
    private const string Script = """
        import json, sys
        try:
            from tensorboard.backend.event_processing import event_accumulator as reader
        except ImportError as missing:
            print(json.dumps({"missing": str(missing)}))
            sys.exit()
        everything = reader.EventAccumulator(sys.argv[1], size_guidance=reader.STORE_EVERYTHING_SIZE_GUIDANCE).Reload()
        tags = everything.Tags()
        print(json.dumps({
            "scalars": {tag: [[e.step, e.value] for e in everything.Scalars(tag)] for tag in tags[reader.SCALARS]},
            "images": {tag: [[e.step, len(e.encoded_image_string)] for e in everything.Images(tag)] for tag in tags[reader.IMAGES]},
            "texts": {tag: [e.tensor_proto.string_val[0].decode() for e in everything.Tensors(tag)] for tag in tags[reader.TENSORS]},
        }))
        """;

    [Test]
    public void TensorBoard_reads_what_a_resumed_run_has_written()
    {
        using var folder = new TemporaryFolder();
        using var backend = new CpuBackend(1);
        var png = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "goldens", "data", "images", "grey.png"));
        var options = Toy.Options(Toy.Recipe("train.steps=4", "train.checkpointEvery=2"), backend, folder.Path) with { Hooks = [new RunPictures((_, _) => [("grid", png)])] };
        new Pretraining(options).Run();
        Directory.Delete(CheckpointFolders(folder.Path).Last(), recursive: true);
        new Pretraining(options with { Resume = true }).Run();

        var read = Read(folder.Path);
        var lines = File.ReadLines(Path.Combine(folder.Path, RunFiles.Metrics)).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        foreach (var (tag, name) in new[] { ("loss/total", "loss"), ("lr", "lr"), ("images_per_second", "images_per_second") })
        {
            Assert.That(
                read.GetProperty("scalars").GetProperty(tag).EnumerateArray().Select(e => (e[0].GetInt64(), (float)e[1].GetDouble())),
                Is.EqualTo(lines.Select(l => (l.GetProperty("step").GetInt64(), (float)l.GetProperty(name).GetDouble()))),
                tag);
        }

        Assert.That(read.GetProperty("images").GetProperty("grid").EnumerateArray().Select(e => e[1].GetInt32()), Is.Not.Empty.And.All.EqualTo(png.Length));
        Assert.That(read.GetProperty("texts").GetProperty("config")[0].GetString(), Does.Contain("\"width\": 16"));
    }

    private static IEnumerable<string> CheckpointFolders(string run) => Directory.GetDirectories(Path.Combine(run, RunFiles.Checkpoints)).Order(StringComparer.Ordinal);

    private static JsonElement Read(string folder)
    {
        try
        {
            using var python = Process.Start(new ProcessStartInfo("python3", ["-c", Script, folder]) { RedirectStandardOutput = true })!;
            var text = python.StandardOutput.ReadToEnd();
            python.WaitForExit();
            Assert.That(python.ExitCode, Is.Zero);
            var read = JsonDocument.Parse(text).RootElement;
            if (read.TryGetProperty("missing", out var missing))
            {
                Requirement.Missing(Requirement.TensorBoard, $"{missing.GetString()}; pip install tensorboard");
            }

            return read;
        }
        catch (Win32Exception e)
        {
            Requirement.Missing(Requirement.TensorBoard, $"no python3: {e.Message}");
            throw;
        }
    }
}
