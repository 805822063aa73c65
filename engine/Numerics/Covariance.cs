using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LDaeCore.Engine.Numerics;

/// <summary>
/// Mean and covariance of a stream of float32 rows, in float64. Sums are of differences from the first block's mean, so that a large
/// common offset costs no digits. Rows are taken in blocks of a fixed size and summed in a fixed order: the result depends on
/// the rows and their order only, not on how they were handed over or on the machine.
/// </summary>
/// <param name="dimensions">D, numbers in a row.</param>
public sealed class Covariance(int dimensions)
{
    private const int BlockRows = 128, TileRows = 4, TileColumns = 2, Lanes = 4;

    // D rounded up to whole tiles; rows from D on hold zeros.
    private readonly int _padded = (dimensions + TileRows - 1) / TileRows * TileRows;
    private readonly float[] _pending = new float[BlockRows * dimensions];
    private readonly double[] _shift = new double[dimensions];
    private double[]? _block, _sums, _products;
    private int _pendingRows;
    private long _blocks;

    /// <summary>Takes sums that were computed elsewhere.</summary>
    /// <param name="count">Number of rows.</param>
    /// <param name="shift">The values subtracted from each row [D].</param>
    /// <param name="sums">Sums of the differences [D].</param>
    /// <param name="products">Sums of their products [D, D], above and on the diagonal.</param>
    internal Covariance(long count, double[] shift, double[] sums, double[] products)
        : this(shift.Length)
    {
        (Count, _blocks, _shift, _sums) = (count, count > 0 ? 1 : 0, shift, sums);
        _products = new double[_padded * _padded];
        for (var i = 0; i < Dimensions; i++)
        {
            products.AsSpan(i * Dimensions, Dimensions).CopyTo(_products.AsSpan(i * _padded));
        }
    }

    /// <summary>D, numbers in a row.</summary>
    public int Dimensions { get; } = dimensions >= 1 ? dimensions : throw new ArgumentOutOfRangeException(nameof(dimensions));

    /// <summary>Rows so far.</summary>
    public long Count { get; private set; }

    /// <summary>Takes rows in.</summary>
    /// <param name="rows">[count, D], finite.</param>
    /// <param name="count">Number of rows.</param>
    public void Add(ReadOnlySpan<float> rows, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Length, checked(count * Dimensions), nameof(rows));
        Count += count;
        while (count > 0)
        {
            var taken = Math.Min(count, BlockRows - _pendingRows);
            rows[..(taken * Dimensions)].CopyTo(_pending.AsSpan(_pendingRows * Dimensions));
            rows = rows[(taken * Dimensions)..];
            count -= taken;
            _pendingRows += taken;
            if (_pendingRows == BlockRows)
            {
                Absorb();
            }
        }
    }

    /// <summary>The rows' mean.</summary>
    /// <returns>[D].</returns>
    /// <exception cref="InvalidOperationException">There are no rows.</exception>
    public double[] Mean()
    {
        Finish();
        return [.. _shift.Zip(_sums!, (shift, sum) => shift + (sum / Count))];
    }

    /// <summary>The rows' covariance: the mean of (x - mean)(x - mean)^T, divided by the number of rows.</summary>
    /// <returns>Symmetric [D, D], row-major.</returns>
    /// <exception cref="InvalidOperationException">There are no rows.</exception>
    public double[] Matrix()
    {
        Finish();
        var matrix = new double[Dimensions * Dimensions];
        for (var i = 0; i < Dimensions; i++)
        {
            for (var j = i; j < Dimensions; j++)
            {
                var value = (_products![(i * _padded) + j] / Count) - (_sums![i] / Count * (_sums[j] / Count));
                matrix[(i * Dimensions) + j] = matrix[(j * Dimensions) + i] = value;
            }
        }

        return matrix;
    }

    /// <summary>
    /// Adds the last, partial block. More rows may follow; then the last digits of the result depend on when it was read.
    /// </summary>
    private void Finish()
    {
        if (Count == 0)
        {
            throw new InvalidOperationException("A covariance needs at least one row.");
        }

        if (_pendingRows > 0)
        {
            Absorb();
        }
    }

    private void Absorb()
    {
        _block ??= new double[_padded * BlockRows];
        _sums ??= new double[Dimensions];
        _products ??= new double[_padded * _padded];
        if (_blocks++ == 0)
        {
            ShiftOf(_pending.AsSpan(0, _pendingRows * Dimensions), Dimensions).CopyTo(_shift, 0);
        }

        for (var j = 0; j < Dimensions; j++)
        {
            var column = _block.AsSpan(j * BlockRows, BlockRows);
            var sum = 0.0;
            for (var r = 0; r < _pendingRows; r++)
            {
                sum += column[r] = _pending[(r * Dimensions) + j] - _shift[j];
            }

            column[_pendingRows..].Clear();
            _sums[j] += sum;
        }

        for (var i = 0; i < _padded; i += TileRows)
        {
            for (var j = i; j < _padded; j += TileColumns)
            {
                AddTile(_block, _products, i, j);
            }
        }

        _pendingRows = 0;
    }

    /// <summary>The values that are subtracted from all rows: the mean of the first block.</summary>
    /// <param name="rows">The first rows [n, D].</param>
    /// <param name="dimensions">D.</param>
    /// <returns>[D].</returns>
    internal static double[] ShiftOf(ReadOnlySpan<float> rows, int dimensions)
    {
        var (shift, count) = (new double[dimensions], Math.Min(BlockRows, rows.Length / dimensions));
        for (var j = 0; j < dimensions; j++)
        {
            for (var r = 0; r < count; r++)
            {
                shift[j] += rows[(r * dimensions) + j];
            }

            shift[j] /= count;
        }

        return shift;
    }

    /// <summary>Products of four columns with two over the block: eight sums stay in registers.</summary>
    private void AddTile(double[] block, double[] products, int i, int j)
    {
        ref var a = ref MemoryMarshal.GetReference(block.AsSpan(i * BlockRows, TileRows * BlockRows));
        ref var b = ref MemoryMarshal.GetReference(block.AsSpan(j * BlockRows, TileColumns * BlockRows));
        Vector256<double> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        for (nuint r = 0; r < BlockRows; r += Lanes)
        {
            var b0 = Vector256.LoadUnsafe(ref b, r);
            var b1 = Vector256.LoadUnsafe(ref b, r + BlockRows);
            var x = Vector256.LoadUnsafe(ref a, r);
            s00 = Vector256.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector256.FusedMultiplyAdd(x, b1, s01);
            x = Vector256.LoadUnsafe(ref a, r + BlockRows);
            s10 = Vector256.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector256.FusedMultiplyAdd(x, b1, s11);
            x = Vector256.LoadUnsafe(ref a, r + (2 * BlockRows));
            s20 = Vector256.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector256.FusedMultiplyAdd(x, b1, s21);
            x = Vector256.LoadUnsafe(ref a, r + (3 * BlockRows));
            s30 = Vector256.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector256.FusedMultiplyAdd(x, b1, s31);
        }

        ReadOnlySpan<Vector256<double>> sums = [s00, s01, s10, s11, s20, s21, s30, s31];
        for (var k = 0; k < sums.Length; k++)
        {
            products[((i + (k / TileColumns)) * _padded) + j + (k % TileColumns)] += Vector256.Sum(sums[k]);
        }
    }
}
