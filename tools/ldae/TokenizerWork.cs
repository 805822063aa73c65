using System.Globalization;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>Reads a trained tokenizer for a run, and reports the error of one.</summary>
internal static class TokenizerWork
{
    private const int MostColumns = 12;

    /// <summary>The fields that determine a tokenizer.</summary>
    private static readonly string[] Same = ["data.imageSize", "data.range", "tokenizer.kind", "tokenizer.dim", "tokenizer.scale", "tokenizer.patch"];

    /// <summary>Reads a trained tokenizer for a recipe.</summary>
    /// <exception cref="LdaeException">Data: it cannot be read. Configuration: it was trained by another recipe.</exception>
    public static FittedTokenizer Load(string path, Recipe recipe)
    {
        var (tokenizer, trained) = FittedTokenizer.Load(path);
        foreach (var field in Same.Select(RecipeFields.Get))
        {
            var (its, ours) = (field.Get(trained), field.Get(recipe));
            if (its != ours)
            {
                throw new LdaeException(
                    ErrorKind.Configuration, $"--tokenizer {path} was trained with {field.Name} = {its}; the recipe has {ours}.",
                    $"Set {field.Name}={its}, or train a tokenizer with the recipe's.");
            }
        }

        return tokenizer;
    }

    /// <summary>Encodes and decodes images that were not trained on, writes the picture and reports the error.</summary>
    public static CommandResult Show(
        CommandResult result, FittedTokenizer tokenizer, Recipe recipe, IBackend backend, IImageSource source, int images, string folder, int loaders, BadSamples bad,
        Action<string> line, CancellationToken cancellation)
    {
        var indices = Enumerable.Range(0, Math.Min(images, source.Count)).Select(i => (int)((long)i * source.Count / Math.Min(images, source.Count))).ToArray();
        var pairs = new TokenizerReconstruction(backend, tokenizer, recipe).Run(source, indices, loaders, bad, cancellation).ToArray();
        var error = pairs.Average(p => p.Original.Zip(p.Reconstructed, (a, b) => ((double)a - b) * (a - b)).Average());
        var ratio = pairs.Average(p => Psnr.Of(p.Reconstructed, p.Original));
        var pictures = Path.Combine(folder, RunFiles.Pictures);
        Directory.CreateDirectory(pictures);
        var picture = Path.Combine(pictures, "original-and-reconstructed.png");
        var shown = pairs.Take(MostColumns).ToArray();
        File.WriteAllBytes(picture, Pictures.Grid(
            [[.. shown.Select(p => PatchImage.Bytes(p.Original))], [.. shown.Select(p => PatchImage.Bytes(p.Reconstructed))]], recipe.Data.ImageSize));
        line(string.Create(CultureInfo.InvariantCulture, $"Reconstruction of {pairs.Length} test images: mean squared error {error:G4} in [-1, 1], PSNR {ratio:F2} dB"));
        return result
            .Add("images", pairs.Length)
            .Add("reconstruction_error", error)
            .Add("psnr", Math.Round(ratio, 3))
            .Add("picture", picture);
    }
}
