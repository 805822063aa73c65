// Backward of layernorm.cu in one read, with the sums over rows that gates, shifts, scales, weights and biases want.
//
// Maths    g = dy (1 + scale) or dy weight or dy;  dhat = rstd (g - mean(g) - xhat mean(g xhat)), xhat = (h - mean) rstd
//          d = dh + dhat: all that arrives at h.  dx (+)= d;  dbranch = d gate
//          dgate += sum_t d branch, dshift += sum_t dy, dscale += sum_t dy xhat over an image's tokens; dbias and dweight are
//          the same two sums over all rows.
// Launch   layernorm_backward: a block takes `chunk` tokens of one image, ROW_GROUPS rows at a time, a group of ROW_THREADS threads a row.
//          A thread keeps its columns for all its rows, so the sums over rows are plain additions in its registers; at the end the
//          block's groups are added in shared memory and one row of three sums is written a block.
//          layernorm_backward_sums: adds the blocks' rows of each image (or of all) in rising order, to what is there.
//
//              tokens of image b      block (b, 0)  ->  part[b, 0, 3, C]  \
//              0 .. chunk-1                                                 >  sums  ->  dgate, dshift, dscale of image b
//              chunk .. 2 chunk-1     block (b, 1)  ->  part[b, 1, 3, C]  /             (or dbias, dweight over all b)
//
// Bytes    h, dy, dh and branch read, dx and dbranch written: 12 bytes a value in bf16, against 10 for the tensors that must move with
//          dx in dh's place. The parts are 12 bytes a column written and read a chunk: 3 % of the traffic at 64 tokens.
// Flops    about 20 a value, under 2 a byte: memory limits. Registers decide how much is under way: with one pack a thread the three
//          sums take 24 registers in bf16, and 6 blocks of 128 threads an SM have 4 loads of 16 bytes each: 49 KB, twice
//          what an SM needs.
// Ladder   v1 two passes, one for dx and one for the sums               predicted 45 % of copy bandwidth
//          v2 (this) one pass, two-stage sums                           predicted 75 to 85 %
//          v3 rows by cp.async into a ring in shared memory             predicted 85 to 90 %
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

#ifndef ROW_THREADS
#define ROW_THREADS 32
#endif
#ifndef ROW_PACKS
#define ROW_PACKS 1
#endif

constexpr int ROW_GROUPS = ROW_THREADS >= 128 ? 1 : 128 / ROW_THREADS;
constexpr int ROW_WARPS = ROW_THREADS * ROW_GROUPS / 32;

// The sums over rows that one thread gathers for its columns.
struct ColumnSums { float gate[ROW_PACKS][PACK], shift[ROW_PACKS][PACK], scale[ROW_PACKS][PACK]; };

__device__ __forceinline__ int my_column(int pack)
{
    return (pack * ROW_THREADS + static_cast<int>(threadIdx.x) % ROW_THREADS) * PACK;
}

// slope = 1 + scale, or weight, or 1.
__device__ __forceinline__ void load_slope(const real* scale, const float* weight, int column, int columns, float (&slope)[PACK])
{
    if (scale != nullptr) { load_columns(scale, column, columns, slope); }
    else if (weight != nullptr) { load_columns(weight, column, columns, slope); }
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        slope[i] = scale != nullptr ? 1.0f + slope[i] : weight != nullptr ? slope[i] : 1.0f;
    }
}

// d of one row from dy and h: the gradient that comes back through the normalisation. Adds the row to the sums of shift and scale.
// A group without a row brings columns = 0, reads nothing, and still comes to the barriers.
__device__ __forceinline__ void normalization_gradient(float (&d)[ROW_PACKS][PACK], ColumnSums& sums, const real* h, const real* dy,
    const real* scale, const float* weight, float mean, float rstd, int columns, float inverse_width, float* scratch)
{
    float xhat[ROW_PACKS][PACK], means[2] = { 0.0f, 0.0f };
    #pragma unroll
    for (int p = 0; p < ROW_PACKS; p++)
    {
        float slope[PACK];
        load_columns(h, my_column(p), columns, xhat[p]);
        load_columns(dy, my_column(p), columns, d[p]);
        load_slope(scale, weight, my_column(p), columns, slope);
        #pragma unroll
        for (int i = 0; i < PACK; i++)
        {
            xhat[p][i] = my_column(p) + i < columns ? (xhat[p][i] - mean) * rstd : 0.0f;
            sums.shift[p][i] += d[p][i];
            sums.scale[p][i] += d[p][i] * xhat[p][i];
            d[p][i] *= slope[i];
            means[0] += d[p][i];
            means[1] += d[p][i] * xhat[p][i];
        }
    }
    group_sums<ROW_THREADS, 2>(means, scratch);
    #pragma unroll
    for (int p = 0; p < ROW_PACKS; p++)
    {
        #pragma unroll
        for (int i = 0; i < PACK; i++)
        {
            d[p][i] = rstd * (d[p][i] - means[0] * inverse_width - xhat[p][i] * (means[1] * inverse_width));
        }
    }
}

// Adds the block's groups together, one of the three sums after the other, and writes a row of the partial table.
__device__ __forceinline__ void write_sums(const float (&sum)[ROW_PACKS][PACK], float* part, int columns, float* shared)
{
    constexpr int WIDTH = ROW_THREADS * ROW_PACKS * PACK;
    const int group = threadIdx.x / ROW_THREADS;
    block_barrier();
    #pragma unroll
    for (int p = 0; p < ROW_PACKS; p++) { store_aligned(shared + group * WIDTH + my_column(p), sum[p]); }
    block_barrier();
    for (int c = threadIdx.x; c < columns; c += ROW_THREADS * ROW_GROUPS)
    {
        float total = 0.0f;
        for (int g = 0; g < ROW_GROUPS; g++) { total += shared[g * WIDTH + c]; }
        part[c] = total;
    }
}

// Grid images * chunks. dy null: nothing arrived at y (or there is no y). part null: no sums are wanted, else [images * chunks, 3, columns].
// dx may be dh's memory. Shared: ROW_GROUPS * ROW_THREADS * ROW_PACKS * PACK floats behind 2 floats a warp (rounded up to 16 bytes).
extern "C" __global__ void layernorm_backward(const real* h, const real* branch, const real* gate, const real* scale, const float* weight,
    const float* mean, const float* rstd, const real* dy, const real* dh, real* dx, real* dbranch, float* part,
    int columns, int tokens, int chunk, int chunks, int gate_stride, int scale_stride, int accumulate)
{
    SHARED_MEMORY(memory);
    float* scratch = reinterpret_cast<float*>(memory);
    const int image = blockIdx.x / chunks, first = blockIdx.x % chunks * chunk, end = min(tokens, first + chunk);
    const real* gate_row = gate == nullptr ? nullptr : gate + static_cast<long long>(image) * gate_stride;
    const real* scale_row = scale == nullptr ? nullptr : scale + static_cast<long long>(image) * scale_stride;
    const float inverse_width = 1.0f / columns;
    ColumnSums sums = {};
    for (int start = first; start < end; start += ROW_GROUPS)
    {
        const int token = start + threadIdx.x / ROW_THREADS;
        const int width = token < end ? columns : 0;
        const long long row = static_cast<long long>(image) * tokens + (token < end ? token : first), at = row * columns;
        float d[ROW_PACKS][PACK] = {};
        if (dy != nullptr)
        {
            normalization_gradient(d, sums, h + at, dy + at, scale_row, weight, mean[row], rstd[row], width, inverse_width, scratch);
        }
        #pragma unroll
        for (int p = 0; p < ROW_PACKS; p++)
        {
            const int column = my_column(p);
            float v[PACK];
            if (dh != nullptr)
            {
                load_columns(dh + at, column, width, v);
                for (int i = 0; i < PACK; i++) { d[p][i] += v[i]; }
            }
            if (branch != nullptr && part != nullptr)
            {
                load_columns(branch + at, column, width, v);
                for (int i = 0; i < PACK; i++) { sums.gate[p][i] += column + i < width ? d[p][i] * v[i] : 0.0f; }
            }
            if (dbranch != nullptr)
            {
                if (gate_row != nullptr) { load_columns(gate_row, column, width, v); }
                for (int i = 0; i < PACK; i++) { v[i] = gate_row != nullptr ? d[p][i] * v[i] : d[p][i]; }
                store_columns(dbranch + at, column, width, v);
            }
            if (accumulate)
            {
                load_columns(dx + at, column, width, v);
                for (int i = 0; i < PACK; i++) { d[p][i] += v[i]; }
            }
            store_columns(dx + at, column, width, d[p]);
        }
    }
    if (part != nullptr)
    {
        float* row = part + static_cast<long long>(blockIdx.x) * 3 * columns;
        float* shared = scratch + (2 * ROW_WARPS + 3) / 4 * 4;
        write_sums(sums.gate, row, columns, shared);
        write_sums(sums.shift, row + columns, columns, shared);
        write_sums(sums.scale, row + 2 * columns, columns, shared);
    }
}

// Adds parts to rows of the gradients of gate, shift and scale, each in a table of its own stride and null when not wanted.
// Grid (ceil(columns / 32), images, 3): z is which sum. 256 threads, 256 floats shared.
extern "C" __global__ void layernorm_backward_tables(const float* part, int chunks, int columns, real* dgate, real* dshift, real* dscale,
    int gate_stride, int shift_stride, int scale_stride)
{
    SHARED_MEMORY(memory);
    real* table = blockIdx.z == 0 ? dgate : blockIdx.z == 1 ? dshift : dscale;
    const int stride = blockIdx.z == 0 ? gate_stride : blockIdx.z == 1 ? shift_stride : scale_stride;
    if (table == nullptr) { return; }
    const int column = blockIdx.x * 32 + threadIdx.x % 32;
    const float* first = part + (static_cast<long long>(blockIdx.y) * chunks * 3 + blockIdx.z) * columns + column;
    const float total = column_sum(first, chunks, 3ll * columns, column < columns, reinterpret_cast<float*>(memory));
    if (threadIdx.x < 32 && column < columns)
    {
        real* to = table + static_cast<long long>(blockIdx.y) * stride + column;
        store_value(to, to_float(*to) + total);
    }
}

// The same over all images' parts, to one row of float: dbias (sum 1) and dweight (sum 2). Grid (ceil(columns / 32), 2).
extern "C" __global__ void layernorm_backward_parameters(const float* part, int parts, int columns, float* dbias, float* dweight)
{
    SHARED_MEMORY(memory);
    float* result = blockIdx.y == 0 ? dbias : dweight;
    if (result == nullptr) { return; }
    const int column = blockIdx.x * 32 + threadIdx.x % 32;
    const float* first = part + (1ll + blockIdx.y) * columns + column;
    const float total = column_sum(first, parts, 3ll * columns, column < columns, reinterpret_cast<float*>(memory));
    if (threadIdx.x < 32 && column < columns) { result[column] += total; }
}
