using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// A backend whose device works beside the processor, in memory of its own: what is asked for every step can be recorded once and
/// started as a whole, and input arrives while the device computes. Callers do the same work directly on backends without it.
/// </summary>
public interface IDeviceBackend : IBackend
{
    /// <summary>Whether recorded work is really replayed; false where each kernel is to be seen by itself.</summary>
    bool Replays { get; }

    /// <summary>Bytes of device memory held now, workspace included.</summary>
    long HeldBytes { get; }

    /// <summary>The most bytes that were held at any time.</summary>
    long PeakBytes { get; }

    /// <summary>Free bytes of device memory.</summary>
    long FreeBytes { get; }

    /// <summary>
    /// Records the work that an action asks for, without doing it. The action must have run before, so that everything is compiled,
    /// tuned and allocated; it may not upload, download or wait. Of the numbers that change from step to step, the step's own comes from
    /// <see cref="SetStep"/> and an optimizer's from <see cref="AdamWArgs.Schedule"/>.
    /// </summary>
    /// <param name="work">The work, the same launches on the same addresses every time.</param>
    /// <returns>The recorded work.</returns>
    IRecordedWork Record(Action work);

    /// <summary>Tells recorded work which step it is in, for its random numbers, in the order of the device's work.</summary>
    /// <param name="step">Optimizer steps done before.</param>
    void SetStep(uint step);

    /// <summary>A tensor that is filled from the host while the device computes.</summary>
    /// <param name="shape">Sizes of the bytes.</param>
    /// <returns>The tensor, its elements undefined.</returns>
    IStagedTensor Stage(Shape shape);

    /// <summary>Whether <see cref="Crop"/> takes images of a size.</summary>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <param name="size">Side of the crop.</param>
    /// <returns>True when one image's work fits in the device's shared memory.</returns>
    bool CanCrop(int height, int width, int size);

    /// <summary>Cuts a training batch out of images on the device; the bytes are those that the loader on the processor makes.</summary>
    /// <param name="args">Images, boxes and results.</param>
    void Crop(in CropArgs args);
}
