using System.Runtime.InteropServices;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// The whole data set lies on the device as bytes; a step gets forty bytes an image, saying which part of which image it is, and the
/// device cuts, resizes and mirrors. The draws and the bytes are the loader's.
/// </summary>
public sealed class ResidentImages : IStepImages
{
    // Decoded and uploaded at a time.
    private const int PieceBytes = 32 << 20;

    private readonly IDeviceBackend _backend;
    private readonly PersistentTensor _images, _boxes, _crops;
    private readonly EpochOrder _order;
    private readonly Augmentation _augmentation;
    private readonly BatchPart _part;
    private readonly ulong _seed;
    private readonly int _micro;
    private readonly CropBox[] _drawn;
    private readonly int[] _classes, _labels;

    /// <summary>Decodes and uploads the images.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="source">Images of one size.</param>
    /// <param name="indices">Which of them to train on.</param>
    /// <param name="augmentation">What happens to each.</param>
    /// <param name="train">Batch, micro-batches and seed.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="part">The places of each batch that are wanted; all when not given.</param>
    public ResidentImages(
        IDeviceBackend backend, IImageSource source, int[] indices, Augmentation augmentation, TrainRecipe train, int workers, BatchPart? part = null)
    {
        _part = part ?? BatchPart.All(train.Batch);
        (_backend, _augmentation, _seed, _micro) = (backend, augmentation, train.Seed, _part.Count / train.Accumulate);
        var (width, height) = source.UniformSize ?? throw new ArgumentException($"{source.Name} has images of several sizes.", nameof(source));
        _images = new PersistentTensor(backend, new Shape(indices.Length, height, width, 3), DType.U8);
        _boxes = new PersistentTensor(backend, new Shape(_part.Count, CropBox.Numbers), DType.I32);
        _crops = new PersistentTensor(backend, new Shape(_micro, augmentation.Size, augmentation.Size, 3), DType.U8);
        _order = new EpochOrder([.. Enumerable.Range(0, indices.Length)], train.Seed);
        _drawn = new CropBox[_part.Count];
        (_classes, _labels) = ([.. indices.Select(source.Label)], new int[_part.Count]);
        Upload(source, indices, workers);
    }

    /// <inheritdoc/>
    public IReadOnlyList<int> Labels => _labels;

    /// <inheritdoc/>
    public void Begin(long step)
    {
        using var range = Ranges.Open("load");
        var (width, height) = (_images.Tensor.Shape[2], _images.Tensor.Shape[1]);
        for (var place = 0; place < _drawn.Length; place++)
        {
            var image = _order.At((step * _part.Batch) + _part.First + place);
            _labels[place] = _classes[image];
            _drawn[place] = _augmentation.Box(image, width, height, _seed, (uint)step, _part.First + place);
        }

        _backend.Upload<int>(MemoryMarshal.Cast<CropBox, int>(_drawn), _boxes.Tensor);
    }

    /// <inheritdoc/>
    public Tensor MicroBatch(int micro)
    {
        var boxes = _boxes.Tensor.Slice(micro * _micro, _micro);
        _backend.Crop(new CropArgs(_images.Tensor, boxes, _augmentation.Size) { Bytes = _crops.Tensor });
        return _crops.Tensor;
    }

    /// <inheritdoc/>
    public void Ahead()
    {
        // All is there.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _images.Dispose();
        _boxes.Dispose();
        _crops.Dispose();
    }

    private void Upload(IImageSource source, int[] indices, int workers)
    {
        var bytes = (int)(_images.Tensor.Bytes / indices.Length);
        var piece = new byte[Math.Clamp(PieceBytes / bytes, 1, indices.Length) * bytes];
        var options = new ParallelOptions { MaxDegreeOfParallelism = workers };
        for (var first = 0; first < indices.Length; first += piece.Length / bytes)
        {
            var (start, count) = (first, Math.Min(piece.Length / bytes, indices.Length - first));
            Parallel.For(0, count, options, i => source.Decode(indices[start + i]).Pixels.CopyTo(piece.AsSpan(i * bytes)));
            _backend.Upload<byte>(piece.AsSpan(0, count * bytes), _images.Tensor.Slice(first, count));
        }
    }
}
