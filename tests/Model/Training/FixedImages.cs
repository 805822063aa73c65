using LDaeCore.Model.Data;
using LDaeCore.Model.Training;

namespace LDaeCore.Tests.Model.Training;

/// <summary>The same batch in every step.</summary>
/// <param name="pixels">Its pixels.</param>
/// <param name="side">Side of an image.</param>
internal sealed class FixedImages(byte[] pixels, int side) : IImageBatches
{
    /// <summary>One optimizer step on a batch, with the images copied as on the processor.</summary>
    public static StepResult Step(Trainer trainer, byte[] pixels, double learningRate)
    {
        var recipe = trainer.Method.Recipe;
        using var images = new UploadedImages(trainer.Method.Backend, new FixedImages(pixels, recipe.Data.ImageSize), recipe.Train.MicroBatch, recipe.Data.ImageSize);
        return trainer.Run(images, learningRate);
    }

    public ImageBatch Next()
    {
        var count = pixels.Length / (3 * side * side);
        var batch = new ImageBatch(count, side) { Count = count };
        pixels.CopyTo(batch.Pixels.AsSpan());
        return batch;
    }

    public void Return(ImageBatch batch)
    {
    }
}
