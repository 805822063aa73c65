using System.Globalization;
using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>Describes a path or a data set in lines and in the result object.</summary>
/// <param name="result">The result object.</param>
/// <param name="line">Receives each line.</param>
internal sealed class Inspection(CommandResult result, Action<string> line)
{
    /// <summary>Describes a folder: a run, its checkpoints, one of them, the results of another command, or a data set.</summary>
    public CommandResult Folder(string path)
    {
        var results = Path.Combine(path, RunReport.Results);
        var isResults = Directory.Exists(results) && Directory.EnumerateFiles(results, "*.json").Any();
        if (HoldsModel(path))
        {
            Model(path);
        }
        else if (isResults && Directory.EnumerateFiles(path, "*.safetensors").FirstOrDefault() is { } tensors)
        {
            Model(tensors);
        }
        else if (!isResults && DataSetIn(path) is { } data)
        {
            return Data(data);
        }
        else if (!isResults && File.Exists(Path.Combine(path, RunFolder.ConfigName)))
        {
            return Document(Path.Combine(path, RunFolder.ConfigName));
        }
        else if (!isResults)
        {
            throw new LdaeException(
                ErrorKind.Data,
                $"{path} is neither a run, a checkpoint, the results of a command nor a data set.",
                "Give such a folder, a file, or a data set by name such as cifar10:DIR or folder:DIR; an image folder has train/CLASS/ folders in it.");
        }

        return isResults ? Results(results) : result;
    }

    /// <summary>Describes a file: CIFAR's records, a recipe, a result object, or tensors.</summary>
    public CommandResult SingleFile(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".bin" => Split(CifarSource.OpenFile(path), Path.GetFileName(path).StartsWith("test", StringComparison.Ordinal) ? "test" : "train"),
        ".json" => Document(path),
        ".parquet" => Split(ParquetSource.Open(path, train: true), "train"),
        ".tar" => Split(TarSource.Open(path, train: true), "train"),
        _ => Model(path),
    };

    /// <summary>Describes a data set in the form of --data.</summary>
    public CommandResult Data(string specification)
    {
        var missing = new List<LdaeException>();
        foreach (var train in (bool[])[true, false])
        {
            var split = train ? "train" : "test";
            try
            {
                Split(ImageSourceFactory.Open(specification, train, 32, 0), split);
            }
            catch (LdaeException error) when (error.Kind == ErrorKind.Data)
            {
                // A data set without a test split can still be trained on, and one without a training split tested on.
                missing.Add(error);
                line($"{split}: {error.Message}");
            }
        }

        return missing.Count < 2 ? result : throw missing[0];
    }

    private static bool HoldsModel(string path) =>
        File.Exists(Path.Combine(path, TrainingCheckpoint.ModelFile))
        || CheckpointFolder.List(path).Count > 0
        || CheckpointFolder.List(Path.Combine(path, RunFiles.Checkpoints)).Count > 0;

    /// <summary>The name of the data set whose files lie in a folder, or null.</summary>
    private static string? DataSetIn(string path)
    {
        bool Has(string pattern) => Directory.EnumerateFiles(path, pattern).Any();
        return Has("data_batch_*.bin") || Has("test_batch.bin") ? $"cifar10:{path}"
            : Has("train.bin") || Has("test.bin") ? $"cifar100:{path}"
            : Directory.Exists(Path.Combine(path, "train")) ? $"folder:{path}"
            : null;
    }

    private CommandResult Model(string path)
    {
        using var file = SafetensorsFile.Open(VitFile.Recognises(path) ? VitFile.FileOf(path) : TrainingCheckpoint.Locate(path));
        line(file.Path);
        foreach (var entry in file.Entries)
        {
            line(string.Create(CultureInfo.InvariantCulture, $"  {entry.Name,-40} {entry.DType,-5} [{string.Join(", ", entry.Shape)}]"));
        }

        var values = file.Entries.Sum(e => e.Count);
        line(string.Create(CultureInfo.InvariantCulture, $"{Wording.Count(file.Entries.Count, "tensor")}, {values:N0} values"));
        result.Add("file", file.Path).Add("tensors", file.Entries.Count).Add("values", values);
        foreach (var (key, value) in file.Metadata)
        {
            line($"{key}: {value}");
        }

        return file.Metadata.ContainsKey("recipe") ? AddRecipe(TrainingCheckpoint.RecipeOf(file)) : result;
    }

    private CommandResult Split(IImageSource source, string split)
    {
        var counts = new int[source.ClassNames.Count];
        for (var i = 0; i < source.Count; i++)
        {
            counts[source.Label(i)]++;
        }

        line($"{split}: {Wording.Count(source.Count, "image")}, {Wording.Count(source.ClassNames.Count, "class", "classes")}");
        for (var c = 0; c < counts.Length; c++)
        {
            line($"  {source.ClassNames[c],-20} {counts[c]}");
        }

        var first = source.Decode(0);
        return result.Add($"{split}_images", source.Count).Add($"{split}_size", $"{first.Width}x{first.Height}").Add($"{split}_classes", source.ClassNames.Count);
    }

    /// <summary>Result objects that commands left.</summary>
    private CommandResult Results(string folder)
    {
        foreach (var file in Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal))
        {
            using var json = Parsed(file);
            Object(file, json.RootElement);
        }

        return result;
    }

    /// <summary>A recipe, or a result object of a command.</summary>
    private CommandResult Document(string path)
    {
        using var json = Parsed(path);
        if (json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("command", out _))
        {
            Object(path, json.RootElement);
            return result;
        }

        var recipe = RecipeJson.ReadFile(path);
        foreach (var field in RecipeFields.All)
        {
            line($"  {field.Name,-26} {field.Get(recipe)}");
        }

        return AddRecipe(recipe);
    }

    private void Object(string path, JsonElement found)
    {
        line(path);
        foreach (var value in found.EnumerateObject().Where(value => value.Value.ValueKind is not (JsonValueKind.Array or JsonValueKind.Object)))
        {
            line($"  {value.Name,-26} {value.Value}");
        }

        var copy = found.Clone();
        result.Add(Path.GetFileNameWithoutExtension(path), writer => copy.WriteTo(writer));
    }

    private CommandResult AddRecipe(Recipe recipe) => result.Add("recipe", writer => RecipeJson.WriteTo(writer, recipe));

    private static JsonDocument Parsed(string path)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Data, $"{path} cannot be read as JSON: {e.Message}", "Give a recipe such as a run's config.json.", e);
        }
    }
}
