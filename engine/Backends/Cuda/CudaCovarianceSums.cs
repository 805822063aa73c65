using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>A covariance summed on the device, in double; see kernels/covariance.cu.</summary>
internal sealed class CudaCovarianceSums : ICovarianceSums
{
    // What is uploaded and added at once: 4096 patches of 768 values are 12 MB.
    private const int MostRows = 4096;

    private readonly CudaBackend _backend;
    private readonly int _dimensions;
    private readonly PersistentTensor _rows, _shift, _sums, _products;
    private double[]? _center;
    private long _count;

    /// <summary>Makes room on the device.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="dimensions">D, numbers in a row.</param>
    public CudaCovarianceSums(CudaBackend backend, int dimensions)
    {
        (_backend, _dimensions) = (backend, dimensions);
        _rows = new PersistentTensor(backend, new Shape(MostRows, dimensions), DType.F32);
        _shift = new PersistentTensor(backend, new Shape(dimensions), DType.F64);
        _sums = new PersistentTensor(backend, new Shape(dimensions), DType.F64);
        _products = new PersistentTensor(backend, new Shape(dimensions, dimensions), DType.F64);
        backend.Upload<double>(new double[dimensions], _sums.Tensor);
        backend.Upload<double>(new double[dimensions * dimensions], _products.Tensor);
    }

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<float> rows, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Length, checked(count * _dimensions), nameof(rows));
        for (var first = 0; first < count; first += MostRows)
        {
            var some = Math.Min(MostRows, count - first);
            var values = rows.Slice(first * _dimensions, some * _dimensions);
            if (_center is null)
            {
                _center = Covariance.ShiftOf(values, _dimensions);
                _backend.Upload<double>(_center, _shift.Tensor);
            }

            var part = _rows.Tensor.Slice(0, some);
            _backend.Upload(values, part);
            _backend.AddCovariance(part, _shift.Tensor, _sums.Tensor, _products.Tensor);
        }

        _count += count;
    }

    /// <inheritdoc/>
    public Covariance Result()
    {
        var (sums, products) = (new double[_dimensions], new double[_dimensions * _dimensions]);
        _backend.Download<double>(_sums.Tensor, sums);
        _backend.Download<double>(_products.Tensor, products);
        return new Covariance(_count, _center ?? new double[_dimensions], sums, products);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows.Dispose();
        _shift.Dispose();
        _sums.Dispose();
        _products.Dispose();
    }
}
