using System.Globalization;
using LDaeCore.Engine.Backends;
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
            ? string.Create(CultureInfo.InvariantCulture, $"The next step's images are sent to the device while a step is computed{(KeptBytes > 0 ? $"; decoded once and kept in the machine's memory, {KeptBytes / 1e6:N1} MB" : "")}.")
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
