using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// The encoder of a denoiser. Its control is the same network at the random start of its run with its gates at 1, so that it is a plain
/// random ViT and not, as with adaLN-Zero's closed gates, the mean patch.
/// </summary>
/// <param name="model">The trained denoiser.</param>
/// <param name="probe">What is read of it.</param>
public sealed class DenoiserEncoder(LatentDenoiser model, ProbeRecipe probe) : IProbedEncoder
{
    /// <inheritdoc/>
    public int ImageSize => model.Recipe.Data.ImageSize;

    /// <inheritdoc/>
    public PixelRange Range => LatentDenoiser.RangeOf(model.Recipe);

    /// <inheritdoc/>
    public double HoldOut => model.Recipe.Data.HoldOut;

    /// <inheritdoc/>
    public FeatureExtractor Open() => new(model, probe);

    /// <inheritdoc/>
    public FeatureExtractor OpenRandom()
    {
        var random = new LatentDenoiser(model.Backend, model.Recipe, model.Fitted!);
        random.Network.OpenGates();
        return new FeatureExtractor(random, probe) { Owned = random };
    }
}
