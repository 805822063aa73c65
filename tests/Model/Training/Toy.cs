using LDaeCore.Engine.Backends;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Tests.Model.Training;

/// <summary>A run small enough to be repeated in every test: 8 x 8 synthetic images, four tokens, two blocks.</summary>
internal static class Toy
{
    public static readonly string[] Settings =
    [
        "data.imageSize=8", "tokenizer.patch=4", "tokenizer.dim=6", "network.width=16", "network.depth=2", "network.encoderDepth=1", "network.heads=2",
        "train.batch=8", "train.steps=6", "train.lr=0.003", "train.logEvery=1", "train.checkpointEvery=2",
    ];

    public static Recipe Recipe(params string[] more) => RecipeFields.Apply(new Recipe(), [.. Settings, .. more]).Resolve();

    public static IImageSource Images(int count = 40, bool train = true) => new SyntheticSource(count, 8, 1, train);

    public static RunOptions Options(Recipe recipe, IBackend backend, string folder) => new(recipe, backend, Images(), folder);

    /// <summary>Trains in a folder and returns the bytes of the last checkpoint's files.</summary>
    public static (byte[] Model, byte[] Optimizer) Train(Recipe recipe, IBackend backend, string folder, bool resume = false, CancellationToken cancellation = default)
    {
        new Pretraining(Options(recipe, backend, folder) with { Resume = resume, Cancellation = cancellation }).Run();
        return Last(folder);
    }

    public static (byte[] Model, byte[] Optimizer) Last(string folder)
    {
        var last = Directory.GetDirectories(Path.Combine(folder, RunFiles.Checkpoints)).Order(StringComparer.Ordinal).Last();
        return (File.ReadAllBytes(Path.Combine(last, "model.safetensors")), File.ReadAllBytes(Path.Combine(last, "optimizer.safetensors")));
    }
}
