using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner;

/// <summary>The encoder of <c>--checkpoint</c> on a device: a run's, or a foreign ViT.</summary>
internal sealed class OpenedEncoder : IDisposable
{
    private readonly IMethod? _method;
    private readonly VitWeights? _vit;

    private OpenedEncoder(IBackend backend, Recipe recipe, IMethod? method, VitWeights? vit)
    {
        (Backend, Recipe, _method, _vit) = (backend, recipe, method, vit);
        Encoder = vit is null ? method!.Encoder(recipe.Probe) : new VitEncoder(backend, vit, Block(recipe, vit));
    }

    /// <summary>The device.</summary>
    public IBackend Backend { get; }

    /// <summary>The run's recipe with the command line's overrides; the defaults for a foreign ViT.</summary>
    public Recipe Recipe { get; }

    /// <summary>The encoder.</summary>
    public IEncoder Encoder { get; }

    /// <summary>Opens it.</summary>
    /// <param name="path">A run folder, a checkpoint folder, or a .safetensors file.</param>
    /// <param name="overrides">Assignments that choose the encoder, each "key=value".</param>
    /// <param name="known">Options for a foreign ViT.</param>
    /// <param name="device">The device.</param>
    /// <param name="threads">Threads of the cpu.</param>
    public static OpenedEncoder Open(string path, IReadOnlyList<string> overrides, VitReadOptions known, DeviceChoice device, int? threads)
    {
        if (VitFile.Recognises(path))
        {
            return OpenVit(path, overrides, known, device, threads);
        }

        if (known != new VitReadOptions())
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"{path} is not a foreign ViT: pooling, heads and similar settings are those of its recipe.",
                "Leave out --pooling, --heads, --image-size, --activation and --range.");
        }

        var recipe = RecipeFields.Apply(TrainingCheckpoint.RecipeIn(path), overrides).Resolve();
        RecipeValidation.Check(recipe);
        var backend = device.Open(threads, recipe);
        try
        {
            var method = MethodCatalog.Load(path, backend, recipe.Probe.Weights);
            RequireMemory(method, recipe.Probe, path);
            return new OpenedEncoder(backend, recipe, method, null);
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    /// <summary>Rejects images that do not fit into the machine's memory; a device reports it itself.</summary>
    private static void RequireMemory(IMethod method, ProbeRecipe probe, string path)
    {
        using var encoder = method.Encoder(probe);
        var needed = FeatureExtractor.PlannedBytes(encoder);
        var there = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (method.Backend is not IDeviceBackend && needed > there)
        {
            method.Dispose();
            throw new LdaeException(
                ErrorKind.Configuration,
                $"{path} sees images of {encoder.ImageSize} pixels: reading features takes {needed / 1e6:N0} MB, more than the {there / 1e6:N0} MB that this process may use.",
                "Take a machine with more memory, or a model of smaller images.");
        }
    }

    /// <summary>Adds the encoder's properties to a result object.</summary>
    public CommandResult Describe(CommandResult result) => _vit is { } vit
        ? EncoderWords.Add(result.Add("block", Block(Recipe, vit)), vit.Configuration)
        : result
            .Add("block", Recipe.Probe.Block)
            .Add("time", Recipe.Probe.Time)
            .Add("input", RecipeFields.Get("probe.input").Get(Recipe))
            .Add("weights", RecipeFields.Get("probe.weights").Get(Recipe));

    /// <summary>The method as a classifier.</summary>
    /// <exception cref="LdaeException">Configuration: it has no head.</exception>
    public IClassifier Classifier(string path) => _method as IClassifier ?? throw new LdaeException(
        ErrorKind.Configuration, $"--method head needs a trained classifier, and {path} has no head.", "Use --method linear or knn, or train with a supervised preset.");

    public void Dispose()
    {
        Encoder.Dispose();
        _method?.Dispose();
        Backend.Dispose();
    }

    private static OpenedEncoder OpenVit(string path, IReadOnlyList<string> overrides, VitReadOptions known, DeviceChoice device, int? threads)
    {
        if (overrides.FirstOrDefault(o => !o.StartsWith("probe.block=", StringComparison.Ordinal)) is { } foreign)
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"{foreign} does not apply to {path}: a foreign ViT has no noise level and one set of weights.",
                "Leave out --time, --input and --weights.");
        }

        var vit = VitFile.Read(path, known);
        var recipe = RecipeFields.Apply(new Recipe(), overrides);
        return recipe.Probe.Block <= vit.Configuration.Depth
            ? new OpenedEncoder(device.Open(threads), recipe, null, vit)
            : throw new LdaeException(ErrorKind.Configuration, $"--block {recipe.Probe.Block} is not allowed: {path} has {vit.Configuration.Depth}.", "Give a smaller --block.");
    }

    private static int Block(Recipe recipe, VitWeights vit) => recipe.Probe.Block > 0 ? recipe.Probe.Block : vit.Configuration.Depth;
}
