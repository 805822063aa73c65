// Layer normalisation with its neighbours in a transformer block: the residual add with its gate before, the modulation
// or the affine map after; forward.
//
// Maths    h = x + gate * branch                          (gate: a row an image, or 1; no branch: h = x)
//          xhat = (h - mean) rstd, mean = sum h / C, rstd = 1 / sqrt(sum (h - mean)^2 / C + epsilon)
//          y = xhat (1 + scale) + shift                   (a row an image), or xhat weight + bias, or xhat
// Launch   a group of ROW_THREADS threads a row, ROW_GROUPS rows a block. A thread keeps ROW_PACKS packs of its row in registers: pack p
//          of thread t holds columns (p ROW_THREADS + t) PACK and following. The row is read once: the mean, then the squared
//          distances from it (no cancellation, as with sum of squares minus square of sum), then y, all from registers.
//
//              row r:   |pack of t0|pack of t1| ... |pack of t31|pack of t0| ...       1024 bf16 = 128 packs = 32 threads x 4
//                          |  sum over registers, then a butterfly over the warp (reduce.cuh)
//                          v
//                        mean, rstd in every thread: written once a row, kept for the backward
//
// Bytes    x and branch read, h and y written: 4 values an element (2 without a branch), 8 bytes a row of statistics; the
//          tables are read from L2. 256 images of 256 tokens of 1024 in bf16: 537 MB, 125 us at 4.3 TB/s.
// Flops    12 a value, 1.5 a byte: memory limits, as long as enough loads are under way. A thread starts up to 2 ROW_PACKS loads of
//          16 bytes before it needs the first; 8 warps an SM with 8 loads a thread are 32 KB under way, and an SM needs
//          4.3 TB/s x 0.7 us / 132 = 23 KB.
// Ladder   v1 a block a row through shared memory                       predicted 40 to 55 % of copy bandwidth at 1024 columns
//          v2 (this) a warp a row, row in registers, one read           predicted 85 to 92 %
//          v3 next row's loads before this row's reductions             predicted +2 %, for twice the registers
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

// Rows a block works on at a time.
constexpr int ROW_GROUPS = ROW_THREADS >= 128 ? 1 : 128 / ROW_THREADS;

__device__ __forceinline__ int my_column(int pack)
{
    return (pack * ROW_THREADS + static_cast<int>(threadIdx.x) % ROW_THREADS) * PACK;
}

// v += gate * branch, pack by pack.
__device__ __forceinline__ void add_branch(float (&v)[PACK], const real* branch, const real* gate, int column, int columns)
{
    float b[PACK], g[PACK];
    load_columns(branch, column, columns, b);
    if (gate != nullptr) { load_columns(gate, column, columns, g); }
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] += gate != nullptr ? g[i] * b[i] : b[i]; }
}

// y = xhat * slope + offset for one pack; slope and offset are a table's rows, parameters, or 1 and 0.
__device__ __forceinline__ void modulate(float (&xhat)[PACK], const real* shift, const real* scale, const float* weight, const float* bias,
    int column, int columns)
{
    float a[PACK];
    if (scale != nullptr || weight != nullptr)
    {
        if (scale != nullptr) { load_columns(scale, column, columns, a); } else { load_columns(weight, column, columns, a); }
        const float one = scale != nullptr ? 1.0f : 0.0f;
        #pragma unroll
        for (int i = 0; i < PACK; i++) { xhat[i] *= one + a[i]; }
    }
    if (shift != nullptr || bias != nullptr)
    {
        if (shift != nullptr) { load_columns(shift, column, columns, a); } else { load_columns(bias, column, columns, a); }
        #pragma unroll
        for (int i = 0; i < PACK; i++) { xhat[i] += a[i]; }
    }
}

// Mean and 1 / standard deviation of the group's row.
__device__ __forceinline__ void row_statistics(const float (&row)[ROW_PACKS][PACK], int columns, float epsilon, float* scratch,
    float& mean, float& rstd)
{
    float sum[1] = { 0.0f };
    #pragma unroll
    for (int p = 0; p < ROW_PACKS; p++)
    {
        #pragma unroll
        for (int i = 0; i < PACK; i++) { sum[0] += row[p][i]; }
    }
    group_sums<ROW_THREADS, 1>(sum, scratch);
    mean = sum[0] / columns;
    sum[0] = 0.0f;
    #pragma unroll
    for (int p = 0; p < ROW_PACKS; p++)
    {
        #pragma unroll
        for (int i = 0; i < PACK; i++)
        {
            const float d = my_column(p) + i < columns ? row[p][i] - mean : 0.0f;
            sum[0] += d * d;
        }
    }
    group_sums<ROW_THREADS, 1>(sum, scratch);
    rstd = 1.0f / sqrtf(sum[0] / columns + epsilon);
}

// Tables have a row an image, `stride` values apart; gate, shift and scale point at their own columns of row 0. What is not
// wanted is null; without y only h is made. ROW_THREADS * ROW_GROUPS threads, a float a warp of shared memory.
extern "C" __global__ void layernorm_forward(const real* x, const real* branch, const real* gate, const real* shift, const real* scale,
    const float* weight, const float* bias, real* h, real* y, float* mean, float* rstd, int rows, int columns, int tokens,
    int gate_stride, int shift_stride, int scale_stride, float epsilon)
{
    SHARED_MEMORY(memory);
    const int row = blockIdx.x * ROW_GROUPS + threadIdx.x / ROW_THREADS;
    const bool inside = row < rows;  // A group without a row still comes to the barriers.
    const long long at = static_cast<long long>(row) * columns, image = row / tokens;
    float v[ROW_PACKS][PACK];
    #pragma unroll
    for (int p = 0; p < ROW_PACKS; p++) { load_columns(x + (inside ? at : 0), my_column(p), inside ? columns : 0, v[p]); }
    if (branch != nullptr && inside)
    {
        #pragma unroll
        for (int p = 0; p < ROW_PACKS; p++)
        {
            add_branch(v[p], branch + at, gate == nullptr ? nullptr : gate + image * gate_stride, my_column(p), columns);
            store_columns(h + at, my_column(p), columns, v[p]);
        }
    }
    if (y == nullptr) { return; }

    float m, s;
    row_statistics(v, columns, epsilon, reinterpret_cast<float*>(memory), m, s);
    if (!inside) { return; }
    if (threadIdx.x % ROW_THREADS == 0)
    {
        mean[row] = m;
        rstd[row] = s;
    }
    #pragma unroll
    for (int p = 0; p < ROW_PACKS; p++)
    {
        #pragma unroll
        for (int i = 0; i < PACK; i++) { v[p][i] = (v[p][i] - m) * s; }
        modulate(v[p], shift == nullptr ? nullptr : shift + image * shift_stride, scale == nullptr ? nullptr : scale + image * scale_stride,
            weight, bias, my_column(p), columns);
        store_columns(y + at, my_column(p), columns, v[p]);
    }
}
