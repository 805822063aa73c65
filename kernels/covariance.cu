// The sums behind a covariance, for the principal components of patches: in double, as engine/Numerics/Covariance.cs has it.
//
// Maths    with d = row - shift: sums[i] += sum over rows of d_i;  products[i, j] += sum over rows of d_i d_j, for j >= i. The mean is
//          shift + sums / n and the covariance products / n - (sums / n)(sums / n)^T. The shift, near the mean, saves the digits
//          that a large common offset would cost.
// Launch   a block of 256 threads makes one 32 x 32 tile of the upper triangle over all rows, in slabs of 32 rows through shared memory;
//          a thread owns one column and four rows of the tile. Tiles on the diagonal also add up `sums`.
//
//              rows ->  slab 0 | slab 1 | ...        tile (I, J):  d[slab, I]^T d[slab, J], added slab after slab, in order
//
// Bytes    every row is read by D / 32 tiles, mostly from L2: 8 D bytes of shared memory traffic a product row.
// Flops    D^2 a row in double. An H200 has 34 TFLOP/s of double outside the tensor cores: a million patches of 768 values are 0.6 P
//          operations, 18 ms. Consumer GPUs have a thirtieth of that: half a second, still once a run.
// Limit    shared memory: two loads for one multiplication were it not for the four rows a thread: five loads for four.
// Ladder   v1 (this)                                                    predicted 30 to 40 % of the double rate
//          v2 a 4 x 4 corner a thread                                   predicted 60 %; once a run it is not worth its registers
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"

constexpr int TILE = 32, ROWS = 4;

// One slab of one tile's columns as differences from the shift; zeros past the last row and column.
__device__ __forceinline__ void load_slab(const real* x, const double* shift, double* slab, int first_row, int rows, int first_column, int columns)
{
    for (int i = threadIdx.x; i < TILE * TILE; i += 256)
    {
        const int row = first_row + i / TILE, column = first_column + i % TILE;
        slab[i] = row < rows && column < columns ? to_float(x[static_cast<long long>(row) * columns + column]) - shift[column] : 0.0;
    }
}

// Grid (tiles, tiles), tiles = ceil(columns / 32); blocks below the diagonal leave at once. Shared: 2 * 32 * 32 doubles.
extern "C" __global__ void covariance_add(const real* __restrict__ x, const double* __restrict__ shift, double* __restrict__ sums,
    double* __restrict__ products, int rows, int columns)
{
    SHARED_MEMORY(memory);
    if (blockIdx.x < blockIdx.y) { return; }
    double* left = reinterpret_cast<double*>(memory);
    double* right = left + TILE * TILE;
    const int first_i = blockIdx.y * TILE, first_j = blockIdx.x * TILE, lane = threadIdx.x % TILE, corner = threadIdx.x / TILE * ROWS;
    const bool diagonal = blockIdx.x == blockIdx.y;
    double product[ROWS] = {}, sum = 0;
    for (int row = 0; row < rows; row += TILE)
    {
        load_slab(x, shift, left, row, rows, first_i, columns);
        load_slab(x, shift, right, row, rows, first_j, columns);
        block_barrier();
        for (int r = 0; r < TILE; r++)
        {
            const double d = right[r * TILE + lane];
            sum += d;
            #pragma unroll
            for (int k = 0; k < ROWS; k++) { product[k] += left[r * TILE + corner + k] * d; }
        }
        block_barrier();
    }
    const int j = first_j + lane;
    #pragma unroll
    for (int k = 0; k < ROWS; k++)
    {
        const int i = first_i + corner + k;
        if (i < columns && j < columns && i <= j) { products[static_cast<long long>(i) * columns + j] += product[k]; }
    }
    if (diagonal && corner == 0 && j < columns) { sums[j] += sum; }
}
