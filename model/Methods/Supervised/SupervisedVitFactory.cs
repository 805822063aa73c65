using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Parameters;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Supervised;

/// <summary>Makes supervised ViTs.</summary>
public sealed class SupervisedVitFactory : IMethodFactory
{
    // Where the images decide the number of classes, a plan that comes before them takes ImageNet's.
    private const int UnknownClasses = 1000;

    /// <summary>The recipe for as many classes as the images have.</summary>
    public Recipe Complete(Recipe recipe, IImageSource images)
    {
        var (asked, classes) = (recipe.Conditioning.Classes, images.ClassNames.Count);
        return classes < 2 || (asked > 0 && asked < classes)
            ? throw new LdaeException(
                ErrorKind.Data,
                $"method.kind = supervised learns {(asked == 0 ? "two classes or more" : $"conditioning.classes = {asked} classes")}, but {images.Name} has {classes}.",
                "Give images of other classes, or set conditioning.classes=0 for as many as the images have.")
            : WithClasses(recipe, Math.Max(asked, classes));
    }

    /// <inheritdoc/>
    public IReadOnlyList<ParameterSet> Declare(IBackend backend, Recipe recipe)
    {
        var parameters = new ParameterSet(backend);
        using var network = SupervisedVit.Declare(parameters, recipe).Network;
        return [parameters];
    }

    /// <inheritdoc/>
    public IMethod Create(IBackend backend, Recipe recipe, IFitted? fitted) => new SupervisedVit(backend, recipe);

    /// <inheritdoc/>
    public IMethod Plan(IBackend backend, Recipe recipe) =>
        new SupervisedVit(backend, recipe.Conditioning.Classes > 0 ? recipe : WithClasses(recipe, UnknownClasses));

    private static Recipe WithClasses(Recipe recipe, int classes) => recipe with { Conditioning = recipe.Conditioning with { Classes = classes } };
}
