using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>A tokenizer whose numbers are known, in host memory: what checkpoints hold and devices get a copy of.</summary>
public abstract class FittedTokenizer : IFitted
{
    /// <summary>Name of the file that holds nothing but a tokenizer.</summary>
    public const string FileName = "tokenizer.safetensors";

    private const string RecipeKey = "recipe";

    /// <summary>Which kind.</summary>
    public abstract TokenizerKind Kind { get; }

    /// <summary>Latents of a token, d.</summary>
    public abstract int Dim { get; }

    /// <summary>The principal components, where they are the tokenizer; else null.</summary>
    public virtual PatchPca? Pca => null;

    /// <summary>A tokenizer by its recipe, from a model file or one of its own.</summary>
    /// <param name="file">The file.</param>
    /// <param name="recipe">The resolved recipe of that file.</param>
    /// <returns>The tokenizer.</returns>
    /// <exception cref="LdaeException">Data: something is missing or does not fit the recipe.</exception>
    public static FittedTokenizer Load(SafetensorsFile file, Recipe recipe)
    {
        var tokenizer = recipe.Tokenizer;
        return tokenizer.Kind switch
        {
            TokenizerKind.Pca when PatchPca.Load(file) is var pca =>
                PatchTokenizer.Of(pca, tokenizer.Dim > 0 ? tokenizer.Dim : pca.DefaultDimension(), tokenizer.Scale),
            TokenizerKind.Identity or TokenizerKind.PatchAe or TokenizerKind.PatchVae => PatchTokenizer.Load(file, tokenizer),
            TokenizerKind.ConvVae => ConvolutionalTokenizer.Load(file, tokenizer),
            _ => throw new LdaeException(ErrorKind.Data, $"{file.Path} has a tokenizer of kind {tokenizer.Kind}, which cannot be read.", "Give a checkpoint of another kind."),
        };
    }

    /// <summary>A tokenizer of the right sizes whose numbers are zero, to walk a step on a planning device.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="dim">Latents of a token.</param>
    /// <returns>The tokenizer.</returns>
    public static FittedTokenizer ForPlan(TokenizerRecipe recipe, int dim) =>
        recipe.Kind == TokenizerKind.ConvVae ? ConvolutionalTokenizer.WithoutWeights(recipe) : PatchTokenizer.Zeros(recipe, dim);

    /// <summary>Reads a file of <see cref="Save"/>.</summary>
    /// <param name="path">The file, or the folder it is in.</param>
    /// <returns>The tokenizer and the recipe it was trained with.</returns>
    /// <exception cref="LdaeException">Data: there is none, or it is broken.</exception>
    public static (FittedTokenizer Tokenizer, Recipe Recipe) Load(string path)
    {
        var name = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        if (!File.Exists(name))
        {
            throw new LdaeException(ErrorKind.Data, $"{path} holds no trained tokenizer.", $"Give the folder that ldae tokenizer train wrote to, or its {FileName}.");
        }

        using var file = SafetensorsFile.Open(name);
        var recipe = file.Metadata.TryGetValue(RecipeKey, out var json)
            ? RecipeJson.Read(json, name).Resolve()
            : throw new LdaeException(ErrorKind.Data, $"{name} holds no recipe: it was not written by ldae.", "Give a file that ldae tokenizer train wrote.");
        return (Load(file, recipe), recipe);
    }

    /// <summary>Writes a file that holds nothing but the tokenizer and its recipe.</summary>
    /// <param name="path">The file.</param>
    /// <param name="recipe">The recipe it was trained with.</param>
    public void Save(string path, Recipe recipe) => SafetensorsWriter.Write(
        path,
        ToTensors(),
        new Dictionary<string, string>
        {
            ["format"] = "ldae/1",
            [RecipeKey] = RecipeJson.Write(recipe with { Tokenizer = recipe.Tokenizer with { Dim = Dim } }),
        });

    /// <summary>Copies the tokenizer to a device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="range">From bytes to values: factor and offset of each channel [2, 3], on the device; it must live as long as the copy.</param>
    /// <returns>The copy.</returns>
    public abstract ITokenizer Place(IBackend backend, Tensor range);

    /// <summary>The tensors that hold the tokenizer in a checkpoint.</summary>
    /// <returns>The tensors.</returns>
    public abstract IReadOnlyList<SafetensorsTensor> ToTensors();
}
