// Attention by plain fp32 arithmetic, forward and backward: for fp32 activations, and for bf16 heads whose size the tensor
// cores cannot take (not a multiple of 16). Not tuned; it is the version to read first, because it walks exactly as the fast
// ones do. With scale = 1 / sqrt(D), for each image and head:
//
//     S = scale Q K^T       P = exp(S - lse), lse = log of the row sums of exp(S)       O = P V
//     dV = P^T dO     dP = dO V^T     dS = P * (dP - row sums of dO * O)     dQ = scale dS K     dK = scale dS^T Q
//
// Launch: grid (blocks of 32 queries or keys, heads, images), 128 threads. A block keeps its 32 rows and walks over the other
// side in tiles of 32. In a tile of scores 8 neighbouring lanes share 2 rows: lane x of the eight has columns x, x+8, x+16, x+24.
//
//   attention_plain_forward    owns queries, walks over keys: O and lse with a running maximum
//   attention_plain_queries    owns queries, walks over keys: dQ
//   attention_plain_keys       owns keys, walks over queries: dK, dV
//
// Flops 4 T^2 D forward, 14 T^2 D backward a head (S and dP are made twice, so that no block adds to another one's results).
// Bytes: each block reads the other side whole, T / 32 times a head, mostly from the L2 cache.
#include "common/portable.cuh"

constexpr int TILE = 32, THREADS = 128, WEIGHT_PITCH = TILE + 1;
constexpr int PITCH = HEAD_SIZE | 1;              // odd, so that one column of 32 rows lies in 32 banks
constexpr int OUTPUTS = (HEAD_SIZE + 7) / 8;      // columns of a result that one lane has: x, x+8, ...
constexpr float LOG2_E = 1.44269504088896f;

__device__ __forceinline__ int first_row() { return threadIdx.x / 8 * 2; }
__device__ __forceinline__ int first_column() { return threadIdx.x % 8; }

// The sum, or the maximum, over the 8 lanes that share rows.
__device__ __forceinline__ float row_sum(float v)
{
    for (int mask = 1; mask < 8; mask *= 2) v += shuffle_xor(v, mask);
    return v;
}

__device__ __forceinline__ float row_max(float v)
{
    for (int mask = 1; mask < 8; mask *= 2) v = fmaxf(v, shuffle_xor(v, mask));
    return v;
}

// Rows [first, first + 32) of a head as floats; rows past the last token become zero.
__device__ __forceinline__ void load_tile(float* tile, const real* head, int stride, int first, int tokens)
{
    for (int i = threadIdx.x; i < TILE * HEAD_SIZE; i += THREADS) {
        int row = i / HEAD_SIZE, column = i % HEAD_SIZE;
        tile[row * PITCH + column] = first + row < tokens ? to_float(head[(first + row) * stride + column]) : 0;
    }
}

// s = A B^T: this lane's 2 rows of one tile against its 4 rows of another one.
__device__ __forceinline__ void dot_rows(float (&s)[2][4], const float* a, const float* b)
{
    for (int r = 0; r < 2; r++)
        for (int j = 0; j < 4; j++) s[r][j] = 0;
    a += first_row() * PITCH;
    b += first_column() * PITCH;
    for (int d = 0; d < HEAD_SIZE; d++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
            s[0][j] += a[d] * b[8 * j * PITCH + d];
            s[1][j] += a[PITCH + d] * b[8 * j * PITCH + d];
        }
}

// out += W B: the 8 lanes of a row leave their weights in shared memory, then each sums its columns over all 32 rows of B.
// Only lanes of one warp share rows, so the warp waits for itself.
__device__ __forceinline__ void add_weighted_rows(float (&out)[2][OUTPUTS], const float (&weights)[2][4], float* weight_tile, const float* b)
{
    float* mine = weight_tile + first_row() * WEIGHT_PITCH;
    warp_barrier();
#pragma unroll
    for (int j = 0; j < 4; j++) {
        mine[first_column() + 8 * j] = weights[0][j];
        mine[WEIGHT_PITCH + first_column() + 8 * j] = weights[1][j];
    }

    warp_barrier();
    for (int k = 0; k < TILE; k++) {
        float upper = mine[k], lower = mine[WEIGHT_PITCH + k];
#pragma unroll
        for (int c = 0; c < OUTPUTS; c++) {
            int column = first_column() + 8 * c;
            float v = column < HEAD_SIZE ? b[k * PITCH + column] : 0;
            out[0][c] += upper * v;
            out[1][c] += lower * v;
        }
    }
}

__device__ __forceinline__ void store_rows(const float (&out)[2][OUTPUTS], float upper, float lower, real* head, int stride, int first, int tokens)
{
#pragma unroll
    for (int r = 0; r < 2; r++)
#pragma unroll
        for (int c = 0; c < OUTPUTS; c++) {
            int token = first + first_row() + r, column = first_column() + 8 * c;
            if (token < tokens && column < HEAD_SIZE) head[token * stride + column] = from_float(out[r][c] * (r == 0 ? upper : lower));
        }
}

// Scores of one tile to weights exp(scale (s - max)) against a running maximum; what was summed against the old one shrinks.
__device__ __forceinline__ void softmax_rows(
    float (&s)[2][4], float (&max)[2], float (&sum)[2], float (&output)[2][OUTPUTS], int keys_left, float scale_log2)
{
#pragma unroll
    for (int r = 0; r < 2; r++) {
        float top = max[r];
        for (int j = 0; j < 4; j++) {
            if (first_column() + 8 * j >= keys_left) s[r][j] = -infinity();
            top = fmaxf(top, s[r][j]);
        }

        top = row_max(top);
        float shrink = exp2_fast((max[r] - top) * scale_log2), part = 0;
        for (int j = 0; j < 4; j++) {
            s[r][j] = exp2_fast((s[r][j] - top) * scale_log2);
            part += s[r][j];
        }

        max[r] = top;
        sum[r] = sum[r] * shrink + row_sum(part);
        for (int c = 0; c < OUTPUTS; c++) output[r][c] *= shrink;
    }
}

extern "C" __global__ void __launch_bounds__(128) attention_plain_forward(
    const real* __restrict__ qkv, real* __restrict__ output, float* __restrict__ log_sum_exp, int heads, int tokens, float scale)
{
    SHARED_MEMORY(memory);
    float *queries = (float*)memory, *keys = queries + TILE * PITCH, *values = keys + TILE * PITCH, *weights = values + TILE * PITCH;
    int width = heads * HEAD_SIZE, stride = 3 * width, block_row = blockIdx.x * TILE;
    long long row = (long long)blockIdx.z * tokens;
    const real* q = qkv + row * stride + blockIdx.y * HEAD_SIZE;

    float s[2][4], out[2][OUTPUTS] = {}, max[2] = {-infinity(), -infinity()}, sum[2] = {};
    load_tile(queries, q, stride, block_row, tokens);
    for (int key = 0; key < tokens; key += TILE) {
        block_barrier();
        load_tile(keys, q + width, stride, key, tokens);
        load_tile(values, q + 2 * width, stride, key, tokens);
        block_barrier();
        dot_rows(s, queries, keys);
        softmax_rows(s, max, sum, out, tokens - key, scale * LOG2_E);
        add_weighted_rows(out, s, weights, values);
    }

    store_rows(out, 1 / sum[0], 1 / sum[1], output + row * width + blockIdx.y * HEAD_SIZE, width, block_row, tokens);
    for (int r = 0; r < 2; r++) {
        int token = block_row + first_row() + r;
        if (first_column() == 0 && token < tokens)
            log_sum_exp[((long long)blockIdx.z * heads + blockIdx.y) * tokens + token] = max[r] * scale + logf(sum[r]);
    }
}

// ---- Backward --------------------------------------------------------------------------------------------------------
struct RowStatistics { float lse2, delta; };

// Of the 32 queries of a tile: lse in powers of two, and delta = row sum of dO * O. Queries past the last token get
// lse = infinity, hence weights of zero.
__device__ __forceinline__ void row_statistics(
    RowStatistics* statistics, const float* gradients, const real* o, const float* log_sum_exp, int stride, int first, int tokens)
{
    for (int r = 0; r < 2; r++) {
        int row = first_row() + r, token = first + row;
        float dot = 0;
        if (token < tokens)
            for (int d = first_column(); d < HEAD_SIZE; d += 8) dot += gradients[row * PITCH + d] * to_float(o[token * stride + d]);
        dot = row_sum(dot);
        if (first_column() == 0) statistics[row] = {token < tokens ? log_sum_exp[token] * LOG2_E : infinity(), dot};
    }
}

// p = exp(S - lse) from raw scores, and ds = p (dP - delta) over dP. A weight is at most one, which also keeps the weights of
// the zero rows past the last key finite: they multiply zeros or end in rows that are not stored.
__device__ __forceinline__ void score_gradient(float& s, float& dp, const RowStatistics& query, float scale_log2)
{
    s = exp2_fast(fminf(s * scale_log2 - query.lse2, 0));
    dp = s * (dp - query.delta);
}

extern "C" __global__ void __launch_bounds__(128) attention_plain_queries(
    const real* __restrict__ qkv, const real* __restrict__ output, const float* __restrict__ log_sum_exp,
    const real* __restrict__ d_output, real* __restrict__ d_qkv, int heads, int tokens, float scale)
{
    SHARED_MEMORY(memory);
    float *queries = (float*)memory, *gradients = queries + TILE * PITCH, *keys = gradients + TILE * PITCH;
    float *values = keys + TILE * PITCH, *weights = values + TILE * PITCH;
    RowStatistics* statistics = (RowStatistics*)(weights + TILE * WEIGHT_PITCH);
    int width = heads * HEAD_SIZE, stride = 3 * width, block_row = blockIdx.x * TILE;
    long long row = (long long)blockIdx.z * tokens, at = row * width + blockIdx.y * HEAD_SIZE, at_qkv = at + 2 * row * width;
    const real* q = qkv + at_qkv;

    load_tile(queries, q, stride, block_row, tokens);
    load_tile(gradients, d_output + at, width, block_row, tokens);
    block_barrier();
    const float* lse = log_sum_exp + ((long long)blockIdx.z * heads + blockIdx.y) * tokens;
    row_statistics(statistics, gradients, output + at, lse, width, block_row, tokens);

    float dq[2][OUTPUTS] = {};
    for (int key = 0; key < tokens; key += TILE) {
        block_barrier();
        load_tile(keys, q + width, stride, key, tokens);
        load_tile(values, q + 2 * width, stride, key, tokens);
        block_barrier();
        float s[2][4], ds[2][4];
        dot_rows(s, queries, keys);
        dot_rows(ds, gradients, values);
        for (int r = 0; r < 2; r++)
            for (int j = 0; j < 4; j++) score_gradient(s[r][j], ds[r][j], statistics[first_row() + r], scale * LOG2_E);
        add_weighted_rows(dq, ds, weights, keys);
    }

    store_rows(dq, scale, scale, d_qkv + at_qkv, stride, block_row, tokens);
}

extern "C" __global__ void __launch_bounds__(128) attention_plain_keys(
    const real* __restrict__ qkv, const real* __restrict__ output, const float* __restrict__ log_sum_exp,
    const real* __restrict__ d_output, real* __restrict__ d_qkv, int heads, int tokens, float scale)
{
    SHARED_MEMORY(memory);
    float *queries = (float*)memory, *gradients = queries + TILE * PITCH, *keys = gradients + TILE * PITCH;
    float *values = keys + TILE * PITCH, *weights = values + TILE * PITCH;
    RowStatistics* statistics = (RowStatistics*)(weights + TILE * WEIGHT_PITCH);
    int width = heads * HEAD_SIZE, stride = 3 * width, block_row = blockIdx.x * TILE;
    long long row = (long long)blockIdx.z * tokens, at = row * width + blockIdx.y * HEAD_SIZE, at_qkv = at + 2 * row * width;
    const real* q = qkv + at_qkv;

    load_tile(keys, q + width, stride, block_row, tokens);
    load_tile(values, q + 2 * width, stride, block_row, tokens);
    const float* lse = log_sum_exp + ((long long)blockIdx.z * heads + blockIdx.y) * tokens;
    float dk[2][OUTPUTS] = {}, dv[2][OUTPUTS] = {};
    for (int query = 0; query < tokens; query += TILE) {
        block_barrier();
        load_tile(queries, q, stride, query, tokens);
        load_tile(gradients, d_output + at, width, query, tokens);
        block_barrier();
        row_statistics(statistics, gradients, output + at, lse, width, query, tokens);
        block_barrier();
        // Keys down, queries across: the scores come out transposed, as both sums over queries want them.
        float p[2][4], ds[2][4];
        dot_rows(p, keys, queries);
        dot_rows(ds, values, gradients);
        for (int r = 0; r < 2; r++)
            for (int j = 0; j < 4; j++) score_gradient(p[r][j], ds[r][j], statistics[first_column() + 8 * j], scale * LOG2_E);
        add_weighted_rows(dv, p, weights, gradients);
        add_weighted_rows(dk, ds, weights, queries);
    }

    store_rows(dk, scale, scale, d_qkv + at_qkv + width, stride, block_row, tokens);
    store_rows(dv, 1, 1, d_qkv + at_qkv + 2 * width, stride, block_row, tokens);
}
