using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>The tokenizer of a run that begins: fitted to the training images, given, or trained on them before the network.</summary>
/// <param name="options">The run, its recipe resolved.</param>
/// <param name="train">The images to train on.</param>
internal sealed class TokenizerFit(RunOptions options, int[] train)
{
    private readonly TokenizerRecipe _recipe = options.Recipe.Tokenizer;

    /// <summary>Fits it.</summary>
    public FittedTokenizer Run() => _recipe.Kind switch
    {
        TokenizerKind.Pca => Components(),
        TokenizerKind.Identity => PatchTokenizer.Identity(
            PatchSample.Statistics(options.Recipe, options.Source, train, options.LoaderThreads, options.Bad, options.Backend, options.Cancellation), _recipe.Patch, _recipe.Scale),
        _ => options.Fitted is FittedTokenizer given ? Checked(given) : Trained(),
    };

    private PatchTokenizer Components()
    {
        var start = Stopwatch.GetTimestamp();
        var pca = PatchSample.Fit(options.Recipe, options.Source, train, options.LoaderThreads, options.Bad, options.Backend, options.Cancellation);
        var dim = _recipe.Dim > 0 ? _recipe.Dim : pca.DefaultDimension();
        options.OnLine?.Invoke(
            $"Principal components of {pca.PatchSize} x {pca.PatchSize} patches: {dim} of {pca.Dimensions} kept, {100 * pca.KeptEnergy(dim):F2} % of the energy "
                + $"({Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s).");
        return PatchTokenizer.Of(pca, dim, _recipe.Scale);
    }

    private FittedTokenizer Checked(FittedTokenizer given) => given.Kind == _recipe.Kind && given.Dim == _recipe.Dim
        ? given
        : throw new LdaeException(
            ErrorKind.Configuration,
            $"The trained tokenizer is {given.Kind} with d = {given.Dim}; the recipe has tokenizer.kind = {_recipe.Kind} and tokenizer.dim = {_recipe.Dim}.",
            "Train the tokenizer with the recipe's tokenizer fields, or change them to its own.");

    private FittedTokenizer Trained()
    {
        var folder = Path.Combine(options.Folder, RunFiles.Tokenizer);
        Directory.CreateDirectory(folder);
        var result = new AutoencoderTraining(
            options with { Folder = folder, OnStep = null, Hooks = [], Resume = false, Group = SingleProcess.Instance, TrainingImages = train }).Run();
        options.OnLine?.Invoke(string.Create(
            CultureInfo.InvariantCulture, $"Tokenizer trained in {result.Steps} steps ({result.Seconds:F1} s), loss {result.Loss:G4}: {folder}"));
        return result.Tokenizer ?? throw new OperationCanceledException(options.Cancellation);
    }
}
