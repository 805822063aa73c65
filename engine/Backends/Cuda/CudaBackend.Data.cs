using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Data sets on the device: crops of their images, and the covariance of their patches.</content>
public sealed unsafe partial class CudaBackend
{
    /// <summary>Cuts a training batch out of images on the device; the bytes are those that the loader on the processor makes.</summary>
    /// <param name="args">Images, draws and results.</param>
    /// <exception cref="Errors.LdaeException">Device: the images are too large for a block's shared memory.</exception>
    internal void CropImages(in CropArgs args)
    {
        int height = args.Images.Shape[1], width = args.Images.Shape[2], batch = (int)args.Chosen.Shape.Count;
        var values = (long)batch * args.Size * args.Size * 3;
        Require(args.Images, DType.U8, args.Images.Shape.Count);
        Require(args.Chosen, DType.I32, batch);
        Require(args.Bytes, DType.U8, values);
        Require(args.Values, ActivationType, values);
        Require(args.Range, DType.F32, 6);
        if (args is { Values: not null, Range: null })
        {
            throw new ArgumentException("Values of pixels need the range of each channel.", nameof(args));
        }

        // Room for the taps of the strongest reduction a crop of these images can need.
        var reduction = Math.Max(1, (double)Math.Max(width, height) / args.Size);
        var taps = ((int)Math.Ceiling(2 * reduction) * 2) + 1;
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(args.Images);
        arguments.Add(args.Chosen);
        arguments.Add(args.Range);
        arguments.Add(args.Bytes);
        arguments.Add(args.Values);
        arguments.Add(height);
        arguments.Add(width);
        arguments.Add(args.Size);
        arguments.Add(taps);
        arguments.Add(args.Random ? 1 : 0);
        arguments.Add(args.Flip ? 1 : 0);
        arguments.Add(BitConverter.DoubleToInt64Bits(args.MinScale));
        arguments.Add(args.Seed);
        arguments.Add((ulong)args.FirstPlace);
        arguments.Add(args.Step);
        arguments.Add(_stepScalars == 0 ? 0 : _stepScalars + StepOffset);

        // Weights, first places and counts of both axes, the rectangle's eight numbers, and the rows of the crop after the first pass.
        var ints = (2 * args.Size * (taps + 2)) + 8;
        var shared = ((ints * sizeof(int)) + (height * args.Size * 3) + 15) / 16 * 16;
        _kernels.Get("crop", "crop_images", Real).Launch(_stream, batch, PackThreads, shared, ref arguments);
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
