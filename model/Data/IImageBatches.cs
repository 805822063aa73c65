namespace LDaeCore.Model.Data;

/// <summary>The batches of a run, one a step in their order.</summary>
public interface IImageBatches
{
    /// <summary>The batch of the next step; waits until it is there.</summary>
    /// <returns>The batch; give it back with <see cref="Return"/>.</returns>
    ImageBatch Next();

    /// <summary>Gives a batch back, to be filled again.</summary>
    /// <param name="batch">A batch of <see cref="Next"/>.</param>
    void Return(ImageBatch batch);
}
