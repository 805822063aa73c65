using System.Runtime.InteropServices;
using System.Text.Json;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// What a checkpoint holds: <c>model.safetensors</c> (parameters by name, their averages as <c>ema.</c>, the tokenizer's
/// numbers, the recipe), <c>optimizer.safetensors</c> (Adam's moments) and <c>state.json</c> (step, time spent). Where the data
/// stand follows from the step.
/// </summary>
public static class TrainingCheckpoint
{
    /// <summary>How often a run may go back for a spike of its loss before it is given up.</summary>
    internal const int MostRollbacks = 5;

    /// <summary>The model's file.</summary>
    public const string ModelFile = "model.safetensors";

    private const string OptimizerFile = "optimizer.safetensors", StateFile = "state.json", RecipeKey = "recipe", AveragePrefix = "ema.";

    // Below the size from which the runtime keeps arrays apart and collects them rarely.
    private const int PieceElements = 8192;

    // Version 0.1 wrote a tokenizer's training as one flat tensor with the optimizer's moments beside it.
    private const string FlatValues = "values";

    /// <summary>Writes a checkpoint; a crash at any moment leaves the ones before it as they are.</summary>
    /// <param name="checkpoints">The run's folder of checkpoints.</param>
    /// <param name="trainer">What is saved.</param>
    /// <param name="state">Where the run stands; its step is the trainer's.</param>
    /// <returns>The checkpoint.</returns>
    public static Checkpoint Save(string checkpoints, Trainer trainer, TrainingState state) => CheckpointFolder.Write(checkpoints, trainer.Step,
    [
        new CheckpointFile(ModelFile, path => SaveModel(path, trainer)),
        new CheckpointFile(
            OptimizerFile, path => SafetensorsWriter.Write(path, [.. OptimizerState(trainer).Select(entry => Lazy(entry.Name, entry.Value, trainer.Method.Backend))])),
        new CheckpointFile(StateFile, path => File.WriteAllBytes(path, Json(state with { Step = trainer.Step }))),
    ]);

    /// <summary>Brings a trainer back to where a checkpoint was made.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="trainer">A trainer of the same recipe.</param>
    /// <returns>Where the run stood.</returns>
    /// <exception cref="LdaeException">Data: the checkpoint does not fit the recipe.</exception>
    public static TrainingState Resume(Checkpoint checkpoint, Trainer trainer)
    {
        var backend = trainer.Method.Backend;
        using var model = SafetensorsFile.Open(Path.Combine(checkpoint.Folder, ModelFile));
        if (model.Contains(FlatValues))
        {
            return ResumeFlat(model, checkpoint, trainer);
        }

        foreach (var phase in trainer.Phases)
        {
            LoadParameters(model, phase.Phase.Parameters, phase.Phase.Parameters.Values, "");
            if (phase.Average is { } average)
            {
                LoadParameters(model, phase.Phase.Parameters, average, AveragePrefix);
            }
        }

        foreach (var (name, value) in trainer.Method.State)
        {
            Read(model, name, value, backend);
        }

        using (var optimizer = SafetensorsFile.Open(Path.Combine(checkpoint.Folder, OptimizerFile)))
        {
            foreach (var (name, value) in OptimizerState(trainer))
            {
                Read(optimizer, name, value, backend);
            }
        }

        var state = ReadState(checkpoint);
        trainer.Step = state.Step;
        return state;
    }

    /// <summary>Where the run of a checkpoint stood.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <exception cref="LdaeException">Data: the file that says so is missing, broken, or of another step.</exception>
    internal static TrainingState ReadState(Checkpoint checkpoint)
    {
        var path = Path.Combine(checkpoint.Folder, StateFile);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            var state = new TrainingState(
                root.GetProperty("step").GetInt64(), root.GetProperty("seconds").GetDouble(), root.TryGetProperty("rollbacks", out var rollbacks) ? rollbacks.GetInt32() : 0);
            return state.Step == checkpoint.Step && double.IsFinite(state.Seconds) && state.Seconds >= 0 && state.Rollbacks is >= 0 and <= MostRollbacks
                ? state
                : throw new FormatException($"step {state.Step} after {state.Seconds} seconds and {state.Rollbacks} rollbacks, in the checkpoint of step {checkpoint.Step}");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Data, $"{path} is no training state: {e.Message}", "Delete this checkpoint and resume from an earlier one.", e);
        }
    }

    /// <summary>Loads a trained method for evaluation.</summary>
    /// <param name="path">A run folder, a checkpoint folder, or a model file.</param>
    /// <param name="methods">Gives the factory of a recipe's method.</param>
    /// <param name="backend">The device.</param>
    /// <param name="weights">Raw or averaged weights.</param>
    /// <returns>The method, with its recipe and what was fitted.</returns>
    /// <exception cref="LdaeException">Data: there is no such model, or it is broken. Configuration: it has no averages.</exception>
    public static IMethod Load(string path, Func<Recipe, IMethodFactory> methods, IBackend backend, ProbeWeights weights = ProbeWeights.Raw)
    {
        using var file = SafetensorsFile.Open(Locate(path));
        var recipe = RecipeOf(file).Resolve();
        var factory = methods(recipe);
        var fitted = factory.Read(file, recipe);

        // The recipe is believed only where the file has the values: a damaged one must not cost the memory of a network that is not there.
        var declared = factory.Declare(backend, recipe);
        foreach (var parameter in declared.SelectMany(parameters => parameters.All))
        {
            RequireCount(file, parameter.Name, parameter.Shape);
        }

        if (weights == ProbeWeights.Ema && !file.Contains(AveragePrefix + declared[0].All[0].Name))
        {
            throw new LdaeException(ErrorKind.Configuration, $"{file.Path} holds no averaged weights.", "Use --weights raw, or train with train.ema=0.9999.");
        }

        var method = factory.Create(backend, recipe, fitted);
        foreach (var phase in method.Phases)
        {
            LoadParameters(file, phase.Parameters, phase.Parameters.Values, weights == ProbeWeights.Ema ? AveragePrefix : "");
        }

        foreach (var (name, value) in method.State)
        {
            Read(file, name, value, backend);
        }

        return method;
    }

    /// <summary>The model file behind what a user named.</summary>
    /// <param name="path">A run folder, its folder of checkpoints, a checkpoint folder, or a model file.</param>
    /// <returns>Path of the file.</returns>
    /// <exception cref="LdaeException">Data: there is none.</exception>
    public static string Locate(string path)
    {
        if (File.Exists(path))
        {
            return path;
        }

        if (File.Exists(Path.Combine(path, ModelFile)))
        {
            CheckpointFolder.Verify(path);
            return Path.Combine(path, ModelFile);
        }

        var below = Path.Combine(path, RunFiles.Checkpoints);
        var latest = CheckpointFolder.LatestValid(Directory.Exists(below) ? below : path, out var warnings);
        return latest is not null
            ? Path.Combine(latest.Folder, ModelFile)
            : throw new LdaeException(
                ErrorKind.Data,
                warnings.Count > 0 ? $"{path} has no whole checkpoint: {warnings[0]}" : $"{path} is no run folder, checkpoint folder or model file.",
                "Give the folder that pretrain wrote to, one of its checkpoints, or a model.safetensors.");
    }

    /// <summary>The recipe of a model.</summary>
    /// <param name="path">As <see cref="Load"/> takes it.</param>
    /// <returns>The recipe.</returns>
    /// <exception cref="LdaeException">Data: there is no such model, or no recipe in it.</exception>
    public static Recipe RecipeIn(string path)
    {
        using var file = SafetensorsFile.Open(Locate(path));
        return RecipeOf(file);
    }

    /// <summary>The recipe in a model file.</summary>
    /// <param name="file">The file.</param>
    /// <returns>The recipe.</returns>
    /// <exception cref="LdaeException">Data: there is none.</exception>
    public static Recipe RecipeOf(SafetensorsFile file) => file.Metadata.TryGetValue(RecipeKey, out var json)
        ? RecipeJson.Read(json, file.Path)
        : throw new LdaeException(ErrorKind.Data, $"{file.Path} holds no recipe: it was not written by ldae.", "Give a checkpoint that ldae pretrain wrote.");

    private static void SaveModel(string path, Trainer trainer)
    {
        var (method, backend) = (trainer.Method, trainer.Method.Backend);
        List<SafetensorsTensor> tensors = [.. trainer.Phases.SelectMany(phase => phase.Phase.Parameters.All).Select(p => Lazy(p.Name, p.Value, backend))];
        foreach (var phase in trainer.Phases)
        {
            if (phase.Average is { } average)
            {
                tensors.AddRange(phase.Phase.Parameters.All.Select(p => Lazy(AveragePrefix + p.Name, ParameterSet.View(average, p), backend)));
            }
        }

        tensors.AddRange(method.State.Select(entry => Lazy(entry.Name, entry.Value, backend)));
        tensors.AddRange(method.Fitted?.ToTensors() ?? []);
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["format"] = "ldae/1", [RecipeKey] = RecipeJson.Write(method.Recipe) });
    }

    /// <summary>The optimizers' tensors; those of later phases are named after them.</summary>
    private static IEnumerable<(string Name, Tensor Value)> OptimizerState(Trainer trainer) => trainer.Phases.SelectMany((phase, i) =>
        phase.State.Select(entry => (i == 0 ? entry.Name : $"{phase.Phase.Name}.{entry.Name}", entry.Value)));

    /// <summary>Reads the checkpoint of a tokenizer's training by version 0.1.</summary>
    private static TrainingState ResumeFlat(SafetensorsFile file, Checkpoint checkpoint, Trainer trainer)
    {
        var phase = trainer.Phases[0];
        foreach (var (name, tensor) in phase.State.Prepend((FlatValues, phase.Phase.Parameters.Values)))
        {
            Read(file, name, tensor, trainer.Method.Backend);
        }

        if (phase.Average is { } average)
        {
            trainer.Method.Backend.Copy(phase.Phase.Parameters.Values, average);
        }

        trainer.Step = checkpoint.Step;
        return new TrainingState(checkpoint.Step, 0);
    }

    /// <summary>An entry that is downloaded piece by piece when its turn to be written has come: a copy of the model would not be in the memory plan.</summary>
    private static SafetensorsTensor Lazy(string name, Tensor tensor, IBackend backend)
    {
        long[] shape = [.. Enumerable.Range(0, tensor.Shape.Rank).Select(axis => (long)tensor.Shape[axis])];
        return tensor.DType == DType.F64
            ? new SafetensorsTensor(name, SafetensorsDType.F64, shape, stream => WritePieces<double>(tensor, backend, stream))
            : new SafetensorsTensor(name, SafetensorsDType.F32, shape, stream => WritePieces<float>(tensor, backend, stream));
    }

    private static void WritePieces<T>(Tensor tensor, IBackend backend, Stream stream)
        where T : unmanaged
    {
        var count = checked((int)tensor.Shape.Count);
        var flat = tensor.Reshape(count);
        var values = new T[Math.Min(count, PieceElements)];
        for (var first = 0; first < count; first += PieceElements)
        {
            var piece = values.AsSpan(0, Math.Min(PieceElements, count - first));
            backend.Download(flat.Slice(first, piece.Length), piece);
            stream.Write(MemoryMarshal.AsBytes(piece));
        }
    }

    private static void LoadParameters(SafetensorsFile file, ParameterSet parameters, Tensor flat, string prefix)
    {
        foreach (var parameter in parameters.All)
        {
            Read(file, prefix + parameter.Name, ParameterSet.View(flat, parameter), parameters.Backend);
        }
    }

    private static void Read(SafetensorsFile file, string name, Tensor to, IBackend backend)
    {
        var entry = RequireCount(file, name, to.Shape);
        if (entry.DType == SafetensorsDType.F64)
        {
            to.Write(backend, file.ReadDoubles(name));
        }
        else
        {
            to.Write(backend, file.ReadFloats(name));
        }
    }

    private static SafetensorsEntry RequireCount(SafetensorsFile file, string name, Shape shape) => file[name] is var entry && entry.Count == shape.Count
        ? entry
        : throw new LdaeException(
            ErrorKind.Data,
            $"{file.Path}: '{name}' has {entry.Count} values where the recipe's network has {shape.Count}.",
            "Resume with the recipe the run was started with.");

    private static byte[] Json(TrainingState state)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteNumber("step", state.Step);
            writer.WriteNumber("seconds", state.Seconds);
            writer.WriteNumber("rollbacks", state.Rollbacks);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }
}

/// <summary>Where a run stands, beside its numbers: what <c>state.json</c> of a checkpoint says.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Seconds">Time spent training.</param>
/// <param name="Rollbacks">How often a loss spike has sent the run back to a checkpoint; each halves the learning rate.</param>
public readonly record struct TrainingState(long Step, double Seconds, int Rollbacks = 0)
{
    /// <summary>What the recipe's learning rate is multiplied by.</summary>
    public double LearningRateFactor => Math.Pow(0.5, Rollbacks);
}
