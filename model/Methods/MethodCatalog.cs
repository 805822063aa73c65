using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Methods.Supervised;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods;

/// <summary>The methods there are, by <c>method.kind</c>: a new one is a line here.</summary>
public static class MethodCatalog
{
    /// <summary>The factory of a recipe's method.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <returns>The factory.</returns>
    public static IMethodFactory Of(Recipe recipe) => recipe.Method.Kind switch
    {
        MethodKind.LatentDenoising => new LatentDenoiserFactory(),
        MethodKind.Autoencoder => new AutoencoderFactory(),
        MethodKind.Supervised => new SupervisedVitFactory(),
        _ => throw new LdaeException(
            ErrorKind.Configuration, $"method.kind = {recipe.Method.Kind} is not there.",
            $"Set method.kind to one of {string.Join(", ", RecipeFields.Get("method.kind").Choices)}."),
    };

    /// <summary>Loads a trained method for evaluation.</summary>
    /// <param name="path">A run folder, a checkpoint folder, or a model file.</param>
    /// <param name="backend">The device.</param>
    /// <param name="weights">Raw or averaged weights.</param>
    /// <returns>The method.</returns>
    /// <exception cref="LdaeException">Data: there is no such model, or it is broken. Configuration: it has no averages.</exception>
    public static IMethod Load(string path, IBackend backend, ProbeWeights weights = ProbeWeights.Raw) => TrainingCheckpoint.Load(path, Of, backend, weights);

    /// <summary>Loads a trained latent denoiser.</summary>
    /// <param name="path">A run folder, a checkpoint folder, or a model file.</param>
    /// <param name="backend">The device.</param>
    /// <param name="weights">Raw or averaged weights.</param>
    /// <returns>The denoiser.</returns>
    /// <exception cref="LdaeException">Data: there is no such model, or it is broken. Configuration: it is of another method, or has no averages.</exception>
    public static LatentDenoiser LoadDenoiser(string path, IBackend backend, ProbeWeights weights = ProbeWeights.Raw)
    {
        var method = Load(path, backend, weights);
        if (method is LatentDenoiser denoiser)
        {
            return denoiser;
        }

        method.Dispose();
        throw new LdaeException(
            ErrorKind.Configuration,
            $"{path} was trained with method.kind = {RecipeFields.Get("method.kind").Get(method.Recipe)}: it does not denoise.",
            "Give a checkpoint of method.kind = latentDenoising.");
    }

    /// <summary>Plans the memory of a recipe's run.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="activations">Element type of activations.</param>
    /// <param name="parameters">Element type of parameters.</param>
    /// <param name="workspace">Bytes that the backend keeps for itself.</param>
    /// <param name="images">Bytes of the data set that lies in memory.</param>
    /// <param name="step">Bytes of the images of a step; those of a micro-batch when not given.</param>
    /// <returns>The plan.</returns>
    public static MemoryPlan Plan(Recipe recipe, DType activations, DType parameters, long workspace = 0, long images = 0, long? step = null) =>
        MemoryPlan.Of(Of(recipe), recipe, activations, parameters, workspace, images, step);
}
