// Group normalisation of images with channels innermost, forward and backward.
//
// Maths    mean and variance over the pixels and the C / G neighbouring channels of a group of one image; rstd = 1 / sqrt(var + 1e-6)
//          y = (x - mean) rstd weight + bias;  with g = dy weight and xhat = (x - mean) rstd:
//          dx (+)= rstd (g - mean(g) - xhat mean(g xhat)),  dweight += sum of dy xhat,  dbias += sum of dy
// Launch   a group is a thin column of the matrix [pixels, C]: 4 of 128 channels are 8 bytes of every 256. So no block walks a group: blocks walk
//          whole rows and leave two numbers a channel, and a second launch puts a group's channels and chunks together.
//
//              pixels      channels ->   c c c c|c c c c|c c c c            part[image, chunk, 2, C]        statistics [image, G]
//              chunk 0     lanes, each a pack of a row; rows shared    ->   mean, sum of squares by channel  \
//              chunk 1     by the threads that are left over           ->   ..                                > one block a group
//                                                                                                            /
//          forward: partial, combine, apply. Backward: partial, combine, apply, parameters.
// Squares  are sums of (x - the chunk's own mean)^2, and the combination adds n (chunk mean - mean)^2: nothing large is subtracted from
//          anything large, as in the mean of squares minus the square of the mean.
// Bytes    forward: x twice from memory (the second walk of a chunk hits L1 or L2), y once: 6 bytes a value in bf16. Backward: x and
//          dy twice, dx once: 10.
// Flops    about 8 and 12 a value: memory limits.
// Ladder   v1 a block a group, as a plain reading of the formula        predicted 15 % of copy bandwidth: accesses of 8 bytes
//          v2 (this) chunks of rows, three launches                     predicted 65 to 75 %
//          v3 SiLU, which always follows, inside apply: saves 4 of 10 bytes of the pair
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

constexpr int THREADS = 256;

// Of the block's threads, `lanes` (a power of two) stand side by side along a row, and the others take further rows.
struct Place { int lane, row, rows, column; };

__device__ __forceinline__ Place my_place(int lanes)
{
    Place place;
    place.lane = threadIdx.x % lanes;
    place.row = threadIdx.x / lanes;
    place.rows = THREADS / lanes;
    place.column = (blockIdx.x * lanes + place.lane) * PACK;
    return place;
}

// Adds the values of the threads that have the same lane, in the order of their rows; all of them get the sums. shared: 256 packs.
__device__ __forceinline__ void sum_over_rows(float (&v)[PACK], const Place& place, int lanes, float* shared)
{
    store_aligned(shared + threadIdx.x * PACK, v);
    block_barrier();
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] = 0.0f; }
    for (int r = 0; r < place.rows; r++)
    {
        float other[PACK];
        load_aligned(shared + (r * lanes + place.lane) * PACK, other);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { v[i] += other[i]; }
    }
    block_barrier();
}

// Mean and sum of squared differences from it, by channel, of a chunk of an image's pixels.
// Grid (ceil(columns / (lanes packs)), chunks, images), 256 threads, 256 packs of floats shared. part [images, chunks, 2, columns].
extern "C" __global__ void groupnorm_partial(const real* __restrict__ x, float* __restrict__ part, int pixels, int columns, int chunk, int lanes)
{
    SHARED_MEMORY(memory);
    float* shared = reinterpret_cast<float*>(memory);
    const Place place = my_place(lanes);
    const int first = blockIdx.y * chunk, end = min(pixels, first + chunk);
    const real* image = x + static_cast<long long>(blockIdx.z) * pixels * columns;
    float mean[PACK] = {}, square[PACK] = {};
    for (int r = first + place.row; r < end; r += place.rows)
    {
        float v[PACK];
        load_columns(image + static_cast<long long>(r) * columns, place.column, columns, v);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { mean[i] += v[i]; }
    }
    sum_over_rows(mean, place, lanes, shared);
    const float inverse = 1.0f / (end - first);
    #pragma unroll
    for (int i = 0; i < PACK; i++) { mean[i] *= inverse; }
    for (int r = first + place.row; r < end; r += place.rows)
    {
        float v[PACK];
        load_columns(image + static_cast<long long>(r) * columns, place.column, columns, v);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { square[i] += (v[i] - mean[i]) * (v[i] - mean[i]); }
    }
    sum_over_rows(square, place, lanes, shared);
    if (place.row == 0)
    {
        float* row = part + (static_cast<long long>(blockIdx.z) * gridDim.y + blockIdx.y) * 2 * columns;
        store_columns(row, place.column, columns, mean);
        store_columns(row + columns, place.column, columns, square);
    }
}

// mean and rstd of one group of one image. Grid (groups, images), 256 threads, 8 floats shared.
extern "C" __global__ void groupnorm_combine(const float* __restrict__ part, float* __restrict__ mean, float* __restrict__ rstd, int pixels, int columns,
    int chunk, int chunks)
{
    SHARED_MEMORY(memory);
    float* scratch = reinterpret_cast<float*>(memory);
    const int width = columns / gridDim.x;
    const float* first = part + static_cast<long long>(blockIdx.y) * chunks * 2 * columns + blockIdx.x * width;
    const float inverse = 1.0f / (static_cast<float>(pixels) * width);
    float sum[1] = { 0.0f };
    for (int i = threadIdx.x; i < chunks * width; i += THREADS)
    {
        const int c = i / width, rows = min(chunk, pixels - c * chunk);
        sum[0] += rows * first[2ll * c * columns + i % width];
    }
    group_sums<THREADS, 1>(sum, scratch);
    const float center = sum[0] * inverse;
    sum[0] = 0.0f;
    for (int i = threadIdx.x; i < chunks * width; i += THREADS)
    {
        const int c = i / width, rows = min(chunk, pixels - c * chunk);
        const float* at = first + 2ll * c * columns + i % width;
        const float d = at[0] - center;
        sum[0] += at[columns] + rows * d * d;
    }
    group_sums<THREADS, 1>(sum, scratch);
    if (threadIdx.x == 0)
    {
        const long long at = static_cast<long long>(blockIdx.y) * gridDim.x + blockIdx.x;
        mean[at] = center;
        rstd[at] = 1.0f / sqrtf(sum[0] * inverse + 1e-6f);
    }
}

// The position of a value: its channel, and the index of its group's statistics.
struct Channel { int channel; long long group; };

__device__ __forceinline__ Channel channel_of(long long at, long long image_values, int columns, int groups)
{
    const long long image = at / image_values;
    Channel place;
    place.channel = static_cast<int>(at % columns);
    place.group = image * groups + place.channel / (columns / groups);
    return place;
}

// The i-th value of a pack: with LDAE_ALIGNED a pack stays in one pixel, and only the group can change on the way.
__device__ __forceinline__ Channel channel_in_pack(const Channel& first, long long at, int i, long long image_values, int columns, int groups)
{
#if LDAE_ALIGNED
    const int width = columns / groups;
    return { first.channel + i, first.group - first.channel / width + (first.channel + i) / width };
#else
    return channel_of(at + i, image_values, columns, groups);
#endif
}

// y = (x - mean) rstd weight + bias. A thread a pack; grid over packs, 256 threads.
extern "C" __global__ void groupnorm_apply(const real* __restrict__ x, const float* __restrict__ mean, const float* __restrict__ rstd,
    const float* __restrict__ weight, const float* __restrict__ bias, real* __restrict__ y, long long count, long long image_values, int columns, int groups)
{
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
    if (first >= count) { return; }
    const Channel start = channel_of(first, image_values, columns, groups);
    float v[PACK];
    load_pack(x + first, count - first, v);
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        if (first + i >= count) { continue; }
        const Channel at = channel_in_pack(start, first, i, image_values, columns, groups);
        v[i] = (v[i] - mean[at.group]) * rstd[at.group] * weight[at.channel] + bias[at.channel];
    }
    store_pack(y + first, count - first, v);
}

// Sums of dy and of dy xhat, by channel, over a chunk of an image's pixels. Grid, threads, shared memory and part as groupnorm_partial.
extern "C" __global__ void groupnorm_backward_partial(const real* __restrict__ x, const real* __restrict__ dy, const float* __restrict__ mean,
    const float* __restrict__ rstd, float* __restrict__ part, int pixels, int columns, int groups, int chunk, int lanes)
{
    SHARED_MEMORY(memory);
    float* shared = reinterpret_cast<float*>(memory);
    const Place place = my_place(lanes);
    const int first = blockIdx.y * chunk, end = min(pixels, first + chunk), width = columns / groups;
    const long long image = static_cast<long long>(blockIdx.z) * pixels * columns;
    float center[PACK], slope[PACK], sum[PACK] = {}, product[PACK] = {};
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        const int group = min(place.column + i, columns - 1) / width;
        center[i] = mean[blockIdx.z * groups + group];
        slope[i] = rstd[blockIdx.z * groups + group];
    }
    for (int r = first + place.row; r < end; r += place.rows)
    {
        const long long row = image + static_cast<long long>(r) * columns;
        float v[PACK], g[PACK];
        load_columns(x + row, place.column, columns, v);
        load_columns(dy + row, place.column, columns, g);
        #pragma unroll
        for (int i = 0; i < PACK; i++)
        {
            sum[i] += g[i];
            product[i] += g[i] * (v[i] - center[i]) * slope[i];
        }
    }
    sum_over_rows(sum, place, lanes, shared);
    sum_over_rows(product, place, lanes, shared);
    if (place.row == 0)
    {
        float* row = part + (static_cast<long long>(blockIdx.z) * gridDim.y + blockIdx.y) * 2 * columns;
        store_columns(row, place.column, columns, sum);
        store_columns(row + columns, place.column, columns, product);
    }
}

// means[image, group] = mean(g), mean(g xhat). Grid (groups, images), 256 threads, 16 floats shared.
extern "C" __global__ void groupnorm_backward_combine(const float* __restrict__ part, const float* __restrict__ weight, float* __restrict__ means,
    int pixels, int columns, int chunks)
{
    SHARED_MEMORY(memory);
    const int width = columns / gridDim.x;
    const float* first = part + static_cast<long long>(blockIdx.y) * chunks * 2 * columns + blockIdx.x * width;
    float sums[2] = { 0.0f, 0.0f };
    for (int i = threadIdx.x; i < chunks * width; i += THREADS)
    {
        const float* at = first + 2ll * (i / width) * columns + i % width;
        const float w = weight[blockIdx.x * width + i % width];
        sums[0] += w * at[0];
        sums[1] += w * at[columns];
    }
    group_sums<THREADS, 2>(sums, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0)
    {
        const float inverse = 1.0f / (static_cast<float>(pixels) * width);
        float* to = means + 2 * (static_cast<long long>(blockIdx.y) * gridDim.x + blockIdx.x);
        to[0] = sums[0] * inverse;
        to[1] = sums[1] * inverse;
    }
}

// dx (+)= rstd (dy weight - mean(g) - xhat mean(g xhat)). A thread a pack; grid over packs, 256 threads.
extern "C" __global__ void groupnorm_backward_apply(const real* __restrict__ x, const real* __restrict__ dy, const float* __restrict__ mean,
    const float* __restrict__ rstd, const float* __restrict__ weight, const float* __restrict__ means, real* dx, long long count, long long image_values,
    int columns, int groups, int accumulate)
{
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
    if (first >= count) { return; }
    const Channel start = channel_of(first, image_values, columns, groups);
    float v[PACK], g[PACK], old[PACK] = {};
    load_pack(x + first, count - first, v);
    load_pack(dy + first, count - first, g);
    if (accumulate) { load_pack(dx + first, count - first, old); }
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        if (first + i >= count) { continue; }
        const Channel at = channel_in_pack(start, first, i, image_values, columns, groups);
        const float s = rstd[at.group], xhat = (v[i] - mean[at.group]) * s;
        v[i] = s * (g[i] * weight[at.channel] - means[2 * at.group] - xhat * means[2 * at.group + 1]) + old[i];
    }
    store_pack(dx + first, count - first, v);
}

// dbias += the sum of all parts' first rows, dweight += that of their second; null when not wanted. Grid (ceil(columns / 32), 2), 256 threads,
// 256 floats shared.
extern "C" __global__ void groupnorm_backward_parameters(const float* __restrict__ part, int parts, int columns, float* dbias, float* dweight)
{
    SHARED_MEMORY(memory);
    float* result = blockIdx.y == 0 ? dbias : dweight;
    if (result == nullptr) { return; }
    const int column = blockIdx.x * 32 + threadIdx.x % 32;
    const float* first = part + static_cast<long long>(blockIdx.y) * columns + column;
    const float total = column_sum(first, parts, 2ll * columns, column < columns, reinterpret_cast<float*>(memory));
    if (threadIdx.x < 32 && column < columns) { result[column] += total; }
}
