using System.Globalization;
using System.Runtime.ExceptionServices;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// Which way the images of a run take to its device. A device of its own memory keeps a data set of raw images of one size whole, where
/// that is at most <see cref="RunOptions.ResidentBytes"/> and a quarter of what is free; every other data set is streamed to it. The
/// processor reads its loader's batches.
/// </summary>
/// <param name="options">The run.</param>
/// <param name="train">The images to train on.</param>
internal sealed class StepImages(RunOptions options, int[] train)
{
    private readonly Recipe _recipe = options.Recipe;
    private readonly BatchPart _part = BatchPart.Of(options.Recipe.Train.Batch, options.Group.Rank, options.Group.Size);
    private readonly long _residentBytes = ResidentBytesOf(options, train.Length);

    /// <summary>Bytes of decoded images that the loader keeps from one epoch to the next, in the machine's memory.</summary>
    public long KeptBytes { get; private set; }

    private int MicroBatch => _part.Count / _recipe.Train.Accumulate;

    /// <summary>Bytes of the data set on the device, or 0; where the device is the processor, those that the source keeps in memory.</summary>
    public long SetBytes => options.Backend is IDeviceBackend ? _residentBytes : options.Source.ResidentBytes;

    /// <summary>Bytes of the step's images on the device.</summary>
    public long InputBytes
    {
        get
        {
            var image = 3L * _recipe.Data.ImageSize * _recipe.Data.ImageSize;
            var micro = MicroBatch * image;
            return _residentBytes > 0 ? micro + (_part.Count * sizeof(int) * CropBox.Numbers)
                : options.Backend is IDeviceBackend ? 2 * _part.Count * image
                : micro;
        }
    }

    /// <summary>What a person may want to know of it.</summary>
    public string Description => _residentBytes > 0
        ? string.Create(CultureInfo.InvariantCulture, $"The {train.Length:N0} training images lie on the device, {_residentBytes / 1e6:N1} MB.")
        : options.Backend is IDeviceBackend
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"The next step's images are sent to the device while a step is "
                    + $"computed{(KeptBytes > 0 ? $"; decoded once and kept in the machine's memory, {KeptBytes / 1e6:N1} MB" : "")}.")
            : "";

    /// <summary>Keeps decoded images if they fit in half of the memory that the run leaves: the other half is for what no plan has.</summary>
    /// <param name="planned">Bytes of the machine's memory that are planned for otherwise.</param>
    public void Keep(long planned) => KeptBytes = _residentBytes > 0 ? 0 : DecodedImages.Budget(options.Source, train, (options.MemoryBytes - planned) / 2);

    /// <summary>Starts to bring images.</summary>
    /// <param name="loader">Starts to decode batches ahead, where the images do not lie on the device.</param>
    /// <returns>The images.</returns>
    public IStepImages Open(Func<Augmentation, BatchPart, IImageBatches> loader)
    {
        var augmentation = new Augmentation(_recipe.Data.ImageSize, _recipe.Data.Crop == CropKind.Random, _recipe.Data.CropMinScale, _recipe.Data.Flip);
        return options.Backend is not IDeviceBackend device
            ? new UploadedImages(options.Backend, loader(augmentation, _part), MicroBatch, _recipe.Data.ImageSize)
            : _residentBytes > 0
                ? new ResidentImages(device, options.Source, train, augmentation, _recipe.Train, options.LoaderThreads, _part)
                : new StreamedImages(device, loader(augmentation, _part), _part.Count, MicroBatch, _recipe.Data.ImageSize);
    }

    private static long ResidentBytesOf(RunOptions options, int images)
    {
        if (options.Backend is not IDeviceBackend device || options.Source.UniformSize is not { } size
            || !device.CanCrop(size.Height, size.Width, options.Recipe.Data.ImageSize))
        {
            return 0;
        }

        var bytes = 3L * size.Width * size.Height * images;
        return bytes <= Math.Min(options.ResidentBytes, device.FreeBytes / 4) ? bytes : 0;
    }
}

/// <summary>
/// How the images of each optimizer step come to the device. What changes from step to step is done in <see cref="Begin"/>;
/// <see cref="MicroBatch"/> belongs to the step's work and may be recorded once and replayed.
/// </summary>
public interface IStepImages : IDisposable
{
    /// <summary>Gets a step's images ready, before its work is asked for.</summary>
    /// <param name="step">Optimizer step; one after the other.</param>
    void Begin(long step);

    /// <summary>Class of each image of the step that was begun; empty where the method needs no labels.</summary>
    IReadOnlyList<int> Labels => [];

    /// <summary>The images of a micro-batch, as a part of the step's work; each phase asks for each once, in order.</summary>
    /// <param name="micro">Number of the micro-batch.</param>
    /// <returns>U8 [images, H, W, 3], good until the next is asked for.</returns>
    Tensor MicroBatch(int micro);

    /// <summary>The step's work has been asked for: time for the next step's images while the device computes.</summary>
    void Ahead();
}

/// <summary>Each micro-batch is copied when its turn has come: where the device is the processor, or one that records nothing.</summary>
/// <param name="backend">The device.</param>
/// <param name="batches">The batches, decoded ahead on threads of their own.</param>
/// <param name="images">Images of a micro-batch.</param>
/// <param name="side">Side of an image.</param>
public sealed class UploadedImages(IBackend backend, IImageBatches batches, int images, int side) : IStepImages
{
    private readonly PersistentTensor _images = new(backend, new Shape(images, side, side, 3), DType.U8);
    private ImageBatch? _batch;

    /// <inheritdoc/>
    public IReadOnlyList<int> Labels => _batch?.Labels ?? [];

    /// <inheritdoc/>
    public void Begin(long step) => _batch = batches.Next();

    /// <inheritdoc/>
    public Tensor MicroBatch(int micro)
    {
        var bytes = (int)_images.Tensor.Bytes;
        backend.Upload(_batch!.Filled.Slice(micro * bytes, bytes), _images.Tensor);
        return _images.Tensor;
    }

    /// <inheritdoc/>
    public void Ahead() => batches.Return(_batch!);

    /// <inheritdoc/>
    public void Dispose() => _images.Dispose();
}

/// <summary>The whole batch of the next step is on its way to the device while this step is computed: a double buffer, filled beside the work.</summary>
/// <param name="backend">The device.</param>
/// <param name="batches">The batches, decoded ahead on threads of their own.</param>
/// <param name="batch">Images of a step.</param>
/// <param name="images">Images of a micro-batch.</param>
/// <param name="side">Side of an image.</param>
public sealed class StreamedImages(IDeviceBackend backend, IImageBatches batches, int batch, int images, int side) : IStepImages
{
    private readonly IStagedTensor _staged = backend.Stage(new Shape(batch, side, side, 3));
    private ExceptionDispatchInfo? _failure;
    private bool _sent;
    private int[] _sentLabels = [];

    /// <inheritdoc/>
    public IReadOnlyList<int> Labels { get; private set; } = [];

    /// <inheritdoc/>
    public void Begin(long step)
    {
        _failure?.Throw();
        if (!_sent)
        {
            Send();
        }

        _staged.Take();
        Labels = _sentLabels;
        _sent = false;
    }

    /// <inheritdoc/>
    public Tensor MicroBatch(int micro) => _staged.Tensor.Slice(micro * images, images);

    /// <inheritdoc/>
    public void Ahead()
    {
        try
        {
            Send();
        }
        catch (LdaeException error)
        {
            // The next batch may not be needed: the last step must not fail because of it.
            _failure = ExceptionDispatchInfo.Capture(error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _staged.Dispose();

    private void Send()
    {
        var next = batches.Next();
        _staged.Send(next.Filled);
        _sentLabels = [.. next.Labels];
        batches.Return(next);
        _sent = true;
    }
}
