using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Parameters;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>Makes latent denoisers, and fits or trains their tokenizers first.</summary>
public sealed class LatentDenoiserFactory : IMethodFactory
{
    // Where the data choose the number of components, a plan that comes before them takes the usual one.
    private const int UnknownDim = 32;

    /// <summary>The recipe for as many classes as the images have, where the network sees the class.</summary>
    public Recipe Complete(Recipe recipe, IImageSource images)
    {
        var (condition, classes) = (recipe.Conditioning, images.ClassNames.Count);
        return !condition.Class ? recipe
            : condition.Classes == 0 && classes > 1 ? recipe with { Conditioning = condition with { Classes = classes } }
            : condition.Classes >= classes && classes > 1 ? recipe
            : throw new LdaeException(
                ErrorKind.Data,
                $"conditioning.class tells the network one of {(condition.Classes == 0 ? "two or more" : condition.Classes)} classes, but {images.Name} has {classes}.",
                "Give images of other classes, or set conditioning.classes=0 or conditioning.class=false.");
    }

    /// <inheritdoc/>
    public IFitted Fit(RunOptions run, int[] train) => new TokenizerFit(run, train).Run();

    /// <inheritdoc/>
    public IFitted Read(SafetensorsFile file, Recipe recipe) => FittedTokenizer.Load(file, recipe);

    /// <inheritdoc/>
    public IReadOnlyList<ParameterSet> Declare(IBackend backend, Recipe recipe) => [LatentDenoiser.Declare(backend, recipe)];

    /// <inheritdoc/>
    public IMethod Create(IBackend backend, Recipe recipe, IFitted? fitted) => new LatentDenoiser(backend, recipe, (FittedTokenizer)fitted!);

    /// <inheritdoc/>
    public IMethod Plan(IBackend backend, Recipe recipe) =>
        LatentDenoiser.ForPlan(backend, recipe, recipe.Tokenizer.Dim > 0 ? recipe.Tokenizer.Dim : Math.Min(UnknownDim, recipe.Tokenizer.PatchValues));
}
