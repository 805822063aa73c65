using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner;

/// <summary>The pictures among a run's events: the components at its start, and at each checkpoint what it makes of a few training images.</summary>
internal static class EventPictures
{
    private const int Images = 8, Components = 32;
    private const double Sigma = 0.5;

    public static IReadOnlyList<(string Tag, byte[] Png)> Draw(LatentDenoiser model, bool starts, IImageSource source)
    {
        if (starts)
        {
            // Other tokenizers have no components to show.
            return model.Pca is { } pca ? [("components", Pictures.Components(pca, Math.Min(Components, pca.Dimensions)))] : [];
        }

        try
        {
            using var reconstruction = new Reconstruction(model, Sigma, model.Recipe.Train.Seed);
            var drawn = reconstruction.Run(source, [.. Enumerable.Range(0, Math.Min(Images, source.Count))], workers: 1, new BadSamples(Images)).ToArray();
            return [("denoising", Pictures.Grid(ReconstructWork.Rows(drawn), model.Recipe.Data.ImageSize))];
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Data || error is DeviceMemoryException)
        {
            // None of the few can be read, or the device is full to the last: no picture is worth a run.
            return [];
        }
    }
}
