using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Parameters;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>Makes the autoencoders that are trained by gradients.</summary>
public sealed class AutoencoderFactory : IMethodFactory
{
    /// <summary>An autoencoder at its random start.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <returns>The autoencoder.</returns>
    /// <exception cref="LdaeException">Configuration: the recipe's kind of tokenizer is not trained by gradients.</exception>
    public static IAutoencoder New(IBackend backend, Recipe recipe) => recipe.Tokenizer.Kind switch
    {
        TokenizerKind.PatchAe or TokenizerKind.PatchVae => new PatchAutoencoder(backend, recipe),
        TokenizerKind.ConvVae => new TrainableConvolutionalVae(backend, recipe),
        _ => throw NotTrained(recipe),
    };

    /// <summary>Refuses a recipe whose tokenizer is not trained by gradients.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <exception cref="LdaeException">Configuration: it is not.</exception>
    public static void Require(Recipe recipe)
    {
        if (recipe.Tokenizer.Kind is not (TokenizerKind.PatchAe or TokenizerKind.PatchVae or TokenizerKind.ConvVae))
        {
            throw NotTrained(recipe);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<ParameterSet> Declare(IBackend backend, Recipe recipe)
    {
        Require(recipe);
        var parameters = new ParameterSet(backend);
        if (recipe.Tokenizer.Kind == TokenizerKind.ConvVae)
        {
            _ = new ConvolutionalVae(parameters, ConvolutionalVaeShape.Of(recipe.Tokenizer));
        }
        else
        {
            PatchAutoencoder.Declare(parameters, recipe.Tokenizer);
        }

        return [parameters];
    }

    /// <inheritdoc/>
    public IMethod Create(IBackend backend, Recipe recipe, IFitted? fitted) => New(backend, recipe);

    /// <inheritdoc/>
    public IMethod Plan(IBackend backend, Recipe recipe) => New(backend, recipe);

    private static LdaeException NotTrained(Recipe recipe) => new(
        ErrorKind.Configuration,
        $"tokenizer.kind = {RecipeFields.Get("tokenizer.kind").Get(recipe)} is not trained: it is fitted when a network is.",
        "Set tokenizer.kind to patchAe, patchVae or convVae.");
}
