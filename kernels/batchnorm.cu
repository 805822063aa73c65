// Batch normalisation without parameters, ahead of the linear probe: column by column, forward and backward.
//
// Maths    y = (x - mean) rstd, mean and variance over the rows of a column;  dx (+)= rstd (dy - mean(dy) - y mean(dy y))
// Launch   a block of 1024 threads takes 32 columns: a lane a column, and the 32 warps share the rows (warp w takes rows w, w + 32,
//          ...). Sums meet in shared memory and are added in the order of the warps.
//
//              lane:    0   1  ...  31
//              warp 0   x   x        x     rows 0, 32, ...      a warp reads 32 neighbouring values of one row
//              warp 1   x   x        x     rows 1, 33, ...
//
// Bytes    forward: x three times (mean, spread, result), of which two mostly from L2 (60 MB; 2048 x 1024 bf16 are 4 MB), y once.
// Flops    6 a value: memory limits; with 32 columns a block only C / 32 SMs work, 32 of 132 at width 1024: a probe's 2 million
//          values take 10 us all the same, about as long as two launches.
// Ladder   v1 (this) one launch                                         predicted 10 us at 2048 x 1024
//          v2 two-stage sums over all SMs                               predicted 5 us: three launches instead of one; not taken
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

constexpr int WARPS = 32;

// Adds a value a thread over the warps, lane by lane, in order; every warp gets the sums.
__device__ __forceinline__ float sum_over_warps(float value, float* shared)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    shared[warp * 32 + lane] = value;
    block_barrier();
    float total = 0.0f;
    for (int w = 0; w < WARPS; w++) { total += shared[w * 32 + lane]; }
    block_barrier();
    return total;
}

// Grid ceil(columns / 32), 1024 threads, 1024 floats shared.
extern "C" __global__ void batchnorm_forward(const real* __restrict__ x, real* __restrict__ y, float* __restrict__ mean, float* __restrict__ rstd,
    int rows, int columns)
{
    SHARED_MEMORY(memory);
    float* shared = reinterpret_cast<float*>(memory);
    const int warp = threadIdx.x / 32, column = blockIdx.x * 32 + threadIdx.x % 32;
    const int mine = column < columns ? rows : 0;  // A lane without a column walks no rows.
    float sum = 0.0f;
    for (int r = warp; r < mine; r += WARPS) { sum += to_float(x[static_cast<long long>(r) * columns + column]); }
    const float m = sum_over_warps(sum, shared) / rows;
    sum = 0.0f;
    for (int r = warp; r < mine; r += WARPS)
    {
        const float d = to_float(x[static_cast<long long>(r) * columns + column]) - m;
        sum += d * d;
    }
    const float s = 1.0f / sqrtf(sum_over_warps(sum, shared) / rows + 1e-6f);
    if (warp == 0 && column < columns)
    {
        mean[column] = m;
        rstd[column] = s;
    }
    for (int r = warp; r < mine; r += WARPS)
    {
        const long long at = static_cast<long long>(r) * columns + column;
        store_value(y + at, (to_float(x[at]) - m) * s);
    }
}

// Grid ceil(columns / 32), 1024 threads, 1024 floats shared.
extern "C" __global__ void batchnorm_backward(const real* __restrict__ dy, const real* __restrict__ y, const float* __restrict__ rstd, real* dx,
    int rows, int columns, int accumulate)
{
    SHARED_MEMORY(memory);
    float* shared = reinterpret_cast<float*>(memory);
    const int warp = threadIdx.x / 32, column = blockIdx.x * 32 + threadIdx.x % 32;
    const int mine = column < columns ? rows : 0;
    float sum = 0.0f, product = 0.0f;
    for (int r = warp; r < mine; r += WARPS)
    {
        const long long at = static_cast<long long>(r) * columns + column;
        const float g = to_float(dy[at]);
        sum += g;
        product += g * to_float(y[at]);
    }
    const float mean_g = sum_over_warps(sum, shared) / rows, mean_gy = sum_over_warps(product, shared) / rows;
    for (int r = warp; r < mine; r += WARPS)
    {
        const long long at = static_cast<long long>(r) * columns + column;
        const float d = rstd[column] * (to_float(dy[at]) - mean_g - to_float(y[at]) * mean_gy);
        store_value(dx + at, accumulate ? to_float(dx[at]) + d : d);
    }
}
