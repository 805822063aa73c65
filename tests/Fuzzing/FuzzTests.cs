using System.Text;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Fuzzing;

/// <summary>Everything that is read from a file or a command line, broken in thousands of ways: a few in every run, many more in a long one.</summary>
public sealed class FuzzTests : FolderPerTest
{
    private const int Few = 2_000, Many = 100_000;

    [TestCase(Few)]
    [TestCase(Many, Category = "Long")]
    public void Safetensors(int inputs)
    {
        var path = Folder["model.safetensors"];
        SafetensorsWriter.Write(
            path,
            [
                SafetensorsTensor.F32("blocks.0.weight", new float[6], 2, 3), SafetensorsTensor.F64("pca.mean", new double[4], 4),
                SafetensorsTensor.I32("labels", new int[3], 3), SafetensorsTensor.U8("pixels", new byte[5], 5),
            ],
            new Dictionary<string, string> { ["format"] = "ldae/1" });
        Fuzz.Run(inputs, [File.ReadAllBytes(path)], bytes =>
        {
            File.WriteAllBytes(path, bytes);
            using var file = SafetensorsFile.Open(path);
            foreach (var entry in file.Entries)
            {
                file.ReadDoubles(entry.Name);
                file.ReadFloats(entry.Name);
                if (entry.DType is SafetensorsDType.I32 or SafetensorsDType.I64 or SafetensorsDType.U8)
                {
                    file.ReadInt32(entry.Name);
                }
            }
        });
    }

    [TestCase(10, "test_batch.bin", Few)]
    [TestCase(100, "test.bin", Few)]
    [TestCase(10, "test_batch.bin", Many, Category = "Long")]
    [TestCase(100, "test.bin", Many, Category = "Long")]
    public void Cifar_records(int classes, string name, int inputs)
    {
        var record = new byte[classes == 10 ? 3073 : 3074];
        var path = Folder.Write(name, record);
        Fuzz.Run(inputs, [[.. record, .. record, .. record]], bytes =>
        {
            File.WriteAllBytes(path, bytes);
            ReadAll(CifarSource.Open(Folder.Path, classes, train: false));
            ReadAll(CifarSource.OpenFile(path));
        });
    }

    [TestCase(".jpg", Few)]
    [TestCase(".png", Few)]
    [TestCase(".webp", Few)]
    [TestCase(".bmp", Few)]
    [TestCase(".jpg", Many, Category = "Long")]
    [TestCase(".png", Many, Category = "Long")]
    [TestCase(".webp", Many, Category = "Long")]
    [TestCase(".bmp", Many, Category = "Long")]
    public void Images_of_a_folder(string extension, int inputs)
    {
        byte[][] seeds = [
            .. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "goldens", "data", "images"), "*" + extension).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        var path = Folder.Write("train/a/image" + extension, seeds[0]);
        var source = FolderSource.Open(Folder.Path, train: true);

        // The pixels of the largest image that is read; more is refused before memory is taken.
        const long most = (3 * ImageDecoder.MostPixels) + (64 << 20);
        Fuzz.Run(inputs, seeds, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            ReadAll(source);
        }, most);
    }

    [TestCase(Few)]
    [TestCase(Many, Category = "Long")]
    public void Recipes_in_json(int inputs)
    {
        var path = Folder["config.json"];
        byte[][] seeds =
        [
            Encoding.UTF8.GetBytes(RecipeJson.Write(Presets.Get("vit-b"))),
            """{ "preset": "cifar-tiny", /* short */ "train": { "steps": 100, "lr": 1e-3, }, "network.width": 96 }"""u8.ToArray(),
            """{"train":{"minutes":20},"tokenizer":{"kind":"pca","scale":"whiten"},"noise.sigma":null,"data.flip":true}"""u8.ToArray(),
        ];
        Fuzz.Run(inputs, seeds, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            Use(RecipeJson.ReadFile(path));
            Use(RecipeJson.Read(Encoding.Latin1.GetString(bytes)));
        });
    }

    [TestCase(Few)]
    [TestCase(Many, Category = "Long")]
    public void Assignments_of_a_command_line(int inputs)
    {
        byte[][] seeds =
        [
            .. RecipeFields.All.Select(field => Encoding.UTF8.GetBytes($"{field.Name}={field.Get(new Recipe())}")),
            .. ((string[])["train.steps=1000000", "train.minutes=20", "noise.sigma=1.41", "network.activation=gelu_tanh"]).Select(Encoding.UTF8.GetBytes),
        ];
        Fuzz.Run(inputs, seeds, bytes => Use(RecipeFields.Apply(new Recipe(), [Encoding.UTF8.GetString(bytes), "train.batch=4"])));
    }

    [TestCase(Few)]
    [TestCase(Many, Category = "Long")]
    public void Data_specifications_of_a_command_line(int inputs)
    {
        byte[][] seeds = [.. ((string[])["synthetic", "synthetic:10"]).Select(Encoding.UTF8.GetBytes)];
        Fuzz.Run(inputs, seeds, bytes => ImageSourceFactory.Open(Encoding.UTF8.GetString(bytes), train: true, 32, 0));
    }

    [TestCase(Few)]
    [TestCase(Many, Category = "Long")]
    public void State_of_a_checkpoint(int inputs)
    {
        var checkpoint = new Checkpoint(1200, Folder.Path);
        Fuzz.Run(inputs, ["""{"step":1200,"seconds":345.678}"""u8.ToArray()], bytes =>
        {
            Folder.Write("state.json", bytes);
            Assert.That(TrainingCheckpoint.ReadState(checkpoint).Step, Is.EqualTo(1200));
        });
    }

    [TestCase(Few)]
    [TestCase(Many, Category = "Long")]
    public void Manifest_of_a_checkpoint(int inputs)
    {
        var checkpoint = CheckpointFolder.Write(Folder.Path, 1200, [new CheckpointFile("state.json", path => File.WriteAllText(path, "{}"))]);
        var manifest = Path.Combine(checkpoint.Folder, "manifest.json");
        Fuzz.Run(inputs, [File.ReadAllBytes(manifest)], bytes =>
        {
            File.WriteAllBytes(manifest, bytes);
            CheckpointFolder.Verify(checkpoint.Folder);
        });
    }

    /// <summary>Here a refusal is a warning, and a kernel that is compiled again; what is taken has the bytes that were kept.</summary>
    [TestCase(Few)]
    [TestCase(Many, Category = "Long")]
    public void Cached_kernels(int inputs)
    {
        var warning = "";
        var cache = new CubinCache(Folder.Path, text => warning = text);
        var image = Enumerable.Range(0, 600).Select(i => (byte)(i * 7)).ToArray();
        cache.Write("kernel", image);
        var file = Directory.GetFiles(Folder.Path).Single();
        Fuzz.Run(inputs, [File.ReadAllBytes(file)], bytes =>
        {
            warning = "";
            File.WriteAllBytes(file, bytes);
            var read = cache.Read("kernel") ?? throw new LdaeException(ErrorKind.Data, warning, "compiled again");
            Assert.That(read.AsSpan().SequenceEqual(image), "what is taken is what was kept");
        });
    }

    private static void ReadAll(IImageSource source)
    {
        for (var i = 0; i < source.Count; i++)
        {
            var image = source.Decode(i);
            Assert.That(image.Pixels, Has.Length.EqualTo(image.Width * image.Height * 3));
            Assert.That(source.Label(i), Is.InRange(0, source.ClassNames.Count - 1));
        }
    }

    /// <summary>What is read is then checked as a whole and written.</summary>
    private static void Use(Recipe recipe)
    {
        RecipeJson.Write(recipe);
        RecipeValidation.Check(recipe);
    }
}
