using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Data sets on the device: crops of their images, and the covariance of their patches.</content>
public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public bool CanCrop(int height, int width, int size) => CropSharedBytes(height, width, size, out _) <= Device.MaxSharedBytesPerBlock;

    /// <inheritdoc/>
    /// <exception cref="Errors.LdaeException">Device: the images are too large for a block's shared memory.</exception>
    public void Crop(in CropArgs args)
    {
        int height = args.Images.Shape[1], width = args.Images.Shape[2], batch = args.Boxes.Shape.Rows;
        var values = (long)batch * args.Size * args.Size * 3;
        Require(args.Images, DType.U8, args.Images.Shape.Count);
        Require(args.Boxes, DType.I32, (long)batch * CropBox.Numbers);
        Require(args.Bytes, DType.U8, values);
        Require(args.Values, ActivationType, values);
        Require(args.Range, DType.F32, 6);
        if (args is { Values: not null, Range: null })
        {
            throw new ArgumentException("Values of pixels need the range of each channel.", nameof(args));
        }

        var shared = CropSharedBytes(height, width, args.Size, out var taps);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Images);
        arguments.Add(args.Boxes);
        arguments.Add(args.Range);
        arguments.Add(args.Bytes);
        arguments.Add(args.Values);
        arguments.Add(height);
        arguments.Add(width);
        arguments.Add(args.Size);
        arguments.Add(taps);
        _kernels.Get("crop", "crop_images", Real).Launch(_stream, batch, PackThreads, shared, ref arguments);
    }

    /// <summary>Weights, first places and counts of both axes, then the rows of the crop after the first pass.</summary>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <param name="size">Side of the crop.</param>
    /// <param name="taps">Room for the taps of the strongest reduction that a crop of such an image can need.</param>
    private static int CropSharedBytes(int height, int width, int size, out int taps)
    {
        var reduction = Math.Max(1, (double)Math.Max(width, height) / size);
        taps = ((int)Math.Ceiling(2 * reduction) * 2) + 1;
        var bytes = (2L * size * (taps + 2) * sizeof(int)) + ((long)height * size * 3);
        return (int)Math.Min(int.MaxValue, (bytes + 15) / 16 * 16);
    }

    /// <inheritdoc/>
    public ICovarianceSums SumCovariance(int dimensions)
    {
        // Below it the processor has summed the rows before they could cross the bus: 2 D operations a number.
        const int FewestDimensions = 192;
        return dimensions < FewestDimensions ? new HostCovarianceSums(dimensions) : new CudaCovarianceSums(this, dimensions);
    }

    /// <summary>Adds rows to the sums of a covariance, in double; see kernels/covariance.cu.</summary>
    /// <param name="rows">[n, D], of the activation type or F32.</param>
    /// <param name="shift">A vector near the mean, F64 [D].</param>
    /// <param name="sums">Sums of differences from the shift, F64 [D]; added.</param>
    /// <param name="products">Sums of their products, F64 [D, D]; added, above and on the diagonal.</param>
    internal void AddCovariance(Tensor rows, Tensor shift, Tensor sums, Tensor products)
    {
        const int Tile = 32;
        int count = rows.Shape.Rows, columns = rows.Shape.Columns, tiles = (columns + Tile - 1) / Tile;
        Require(shift, DType.F64, columns);
        Require(sums, DType.F64, columns);
        Require(products, DType.F64, (long)columns * columns);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(rows);
        arguments.Add(shift);
        arguments.Add(sums);
        arguments.Add(products);
        arguments.Add(count);
        arguments.Add(columns);
        _kernels.Get("covariance", "covariance_add", RealOf(rows)).Launch(_stream, new Grid(tiles, tiles), PackThreads, 2 * Tile * Tile * sizeof(double), ref arguments);
    }
}
