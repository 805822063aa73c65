using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Training;

/// <summary>
/// How the images of each optimizer step come to the device. What changes from step to step is done in <see cref="Begin"/>;
/// <see cref="MicroBatch"/> belongs to the step's work and may be recorded once and replayed.
/// </summary>
public interface IStepImages : IDisposable
{
    /// <summary>Gets a step's images ready, before its work is asked for.</summary>
    /// <param name="step">Optimizer step; one after the other.</param>
    void Begin(long step);

    /// <summary>Class of each image of the step that was begun; nobody asks where the network is not told it.</summary>
    IReadOnlyList<int> Labels => [];

    /// <summary>The images of a micro-batch, as a part of the step's work; each is asked for once, in order.</summary>
    /// <param name="micro">Number of the micro-batch.</param>
    /// <returns>U8 [images, H, W, 3], good until the next is asked for.</returns>
    Tensor MicroBatch(int micro);

    /// <summary>The step's work has been asked for: time for the next step's images while the device computes.</summary>
    void Ahead();
}
