// Passes along the rows of a matrix: sums over rows (the gradient of a bias), the mean over tokens, and rows gathered by an index.
//
// Maths    result[n] (+)= sum_r x[r, n];  y[b, n] = 1/T sum_t x[b, t, n] and its backward dy / T;
//          y[r] (+)= x[index[r]], or row k of a fill (zeros without one) where index[r] = -1 - k. The index takes no row twice, so the
//          backward is the same kernel with the inverse index, and no two threads write one place.
// Launch   sums: two launches. The first cuts the matrix into tiles of 32 packs of columns by `chunk` rows, a block of 256
//          threads each; warp w takes rows w, w + 8, ..., a lane one pack of columns; the eight warps' sums are added in
//          shared memory in order. The second adds the chunks' sums, one column a lane.
//
//              columns ->   |32 packs|32 packs| ...
//          rows  chunk 0    | block  | block  |      -> part[0, columns]  \
//                chunk 1    | block  | block  |      -> part[1, columns]   > second launch -> result[columns]
//                 ...                                                     /
//
//          gather: a thread moves one pack of a row of y; the threads of a row read one index and neighbouring packs.
//          No atomics: which rows meet in which order depends on the shape alone, so the bits do too.
// Bytes    the matrix once; the parts are 4 bytes a column and chunk: under 3 % at 64 rows a chunk and more.
// Flops    one addition a value: memory limits.
// Ladder   v1 one thread a column over all rows: too few threads        predicted 10 % of copy bandwidth for 192 columns
//          v2 (this) two stages                                         predicted 80 to 88 %
//          v3 the epilogue BGRADB of the weight gradient's product: no pass at all, where cuBLASLt has it and it is not slower.
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

// part[blockIdx.y, n] = sum of the chunk's rows. Grid (ceil(columns / (32 packs)), chunks), 256 threads, 8 * 32 * PACK floats shared.
extern "C" __global__ void rows_sum_partial(const real* __restrict__ x, float* __restrict__ part, int rows, int columns, int chunk)
{
    SHARED_MEMORY(memory);
    float* sums = reinterpret_cast<float*>(memory);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int column = (blockIdx.x * 32 + lane) * PACK;
    const int end = min(rows, static_cast<int>(blockIdx.y + 1) * chunk);
    float sum[PACK] = {};
    for (int row = blockIdx.y * chunk + warp; row < end; row += 8)
    {
        float v[PACK];
        load_columns(x + static_cast<long long>(row) * columns, column, columns, v);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { sum[i] += v[i]; }
    }
    store_aligned(sums + (warp * 32 + lane) * PACK, sum);
    block_barrier();

    // Thread t adds up the eight warps' sums of column t of the tile: neighbours write neighbours.
    const int tile = blockIdx.x * 32 * PACK, c = threadIdx.x;
    if (c < 32 * PACK && tile + c < columns)
    {
        float total = 0.0f;
        for (int w = 0; w < 8; w++) { total += sums[w * 32 * PACK + c]; }
        part[static_cast<long long>(blockIdx.y) * columns + tile + c] = total;
    }
}

// result[n] (+)= sum of part[., n]. Grid ceil(columns / 32), 256 threads, 256 floats shared.
extern "C" __global__ void rows_sum_final(const float* __restrict__ part, float* __restrict__ result, int chunks, int columns, int accumulate)
{
    SHARED_MEMORY(memory);
    const int column = blockIdx.x * 32 + threadIdx.x % 32;
    const bool inside = column < columns;
    const float total = column_sum(part + column, chunks, columns, inside, reinterpret_cast<float*>(memory));
    if (threadIdx.x < 32 && inside)
    {
        result[column] = accumulate ? result[column] + total : total;
    }
}

// y[image, n] = mean of x[image, ., n]. Grid (ceil(columns / (32 packs)), images), 256 threads, 8 * 32 * PACK floats shared.
extern "C" __global__ void rows_mean_forward(const real* __restrict__ x, real* __restrict__ y, int tokens, int columns)
{
    SHARED_MEMORY(memory);
    float* sums = reinterpret_cast<float*>(memory);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int column = (blockIdx.x * 32 + lane) * PACK;
    const real* image = x + static_cast<long long>(blockIdx.y) * tokens * columns;
    float sum[PACK] = {};
    for (int token = warp; token < tokens; token += 8)
    {
        float v[PACK];
        load_columns(image + static_cast<long long>(token) * columns, column, columns, v);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { sum[i] += v[i]; }
    }
    store_aligned(sums + (warp * 32 + lane) * PACK, sum);
    block_barrier();
    const int tile = blockIdx.x * 32 * PACK, c = threadIdx.x;
    if (c < 32 * PACK && tile + c < columns)
    {
        float total = 0.0f;
        for (int w = 0; w < 8; w++) { total += sums[w * 32 * PACK + c]; }
        store_value(y + static_cast<long long>(blockIdx.y) * columns + tile + c, total / tokens);
    }
}

// dx[image, token, n] (+)= dy[image, n] / tokens. A thread owns one pack of a row; grid (ceil(columns / (256 packs)), rows).
extern "C" __global__ void rows_mean_backward(const real* __restrict__ dy, real* __restrict__ dx, int tokens, int columns, int accumulate)
{
    const int column = (blockIdx.x * blockDim.x + threadIdx.x) * PACK;
    const long long row = blockIdx.y + static_cast<long long>(blockIdx.z) * gridDim.y;
    if (column >= columns) { return; }
    float g[PACK];
    load_columns(dy + row / tokens * columns, column, columns, g);
    const float share = 1.0f / tokens;
    #pragma unroll
    for (int i = 0; i < PACK; i++) { g[i] *= share; }
    if (accumulate)
    {
        float old[PACK];
        load_columns(dx + row * columns, column, columns, old);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { g[i] += old[i]; }
    }
    store_columns(dx + row * columns, column, columns, g);
}

// y[row] (+)= x[index[row]], or row -1 - index[row] of the fill. A thread owns one pack of a row of y; `count` packs in all, `packs` a row.
extern "C" __global__ void rows_gather(const real* __restrict__ x, const int* __restrict__ index, const float* __restrict__ fill, real* __restrict__ y,
    long long count, int packs, int columns, int accumulate)
{
    const long long pack = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (pack >= count) { return; }
    const long long row = pack / packs;
    const int column = static_cast<int>(pack - row * packs) * PACK, from = index[row];
    float v[PACK] = {};
    if (from >= 0) { load_columns(x + static_cast<long long>(from) * columns, column, columns, v); }
    else if (fill != nullptr) { load_columns(fill + (-1ll - from) * columns, column, columns, v); }
    if (accumulate)
    {
        float old[PACK];
        load_columns(y + row * columns, column, columns, old);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { v[i] += old[i]; }
    }
    store_columns(y + row * columns, column, columns, v);
}
