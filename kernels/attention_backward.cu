// Attention, backward, on tensor cores. Of the forward only O and lse were kept; the weights are made again:
//
//     P = exp(S - lse)      dV = P^T dO      dP = dO V^T      delta = row sums of dO * O
//     dS = P * (dP - delta)      dQ = scale dS K      dK = scale dS^T Q
//
// dK and dV sum over queries, dQ over keys. A warp that owns keys would share dQ with other warps, and the other way
// round; adding in memory would need atomics, whose order changes from run to run. Instead:
//
//   attention_backward_keys     a warp owns KEY_TILES x 16 keys and keeps their dK and dV in registers while the block walks
//                               over the queries. With RESIDENT = 1 all keys of the head are in this block: then dS of a query
//                               tile goes through shared memory and dQ = dS K of the tile is complete. Five products, one launch.
//   attention_backward_queries  for longer sequences: a warp owns 16 queries, walks over the keys, keeps dQ in registers.
//                               With the kernel above (RESIDENT = 0) seven products, two launches, nothing shared between blocks.
//
// Launch: grid (key blocks or query blocks, heads, images); up to 8 warps for keys, up to 4 for queries.
// In attention_backward_keys everything is transposed, keys down and queries across: S^T = K Q^T. Its accumulators are then
// P^T and dS^T in the A layout, which is what dV = P^T dO and dK = dS^T Q want; in attention_backward_queries S and dS are.
//
// Flops 10 T^2 D a head resident, 14 T^2 D in two launches. Bytes (8 T D) * 2 + 8 T a head when resident (qkv, O, dO read,
// dqkv written; dO twice, the second time from the L2 cache): at T = 256, D = 64 41.9 MFLOP for 262 KB, 160 flop a byte.
#include "common/attention.cuh"

constexpr int QUERY_TILE = 64, KEY_TILE = 64;  // rows of a tile that is walked over
constexpr int STEP = 32;                       // of those, how many a warp has scores of at once
constexpr int STAGES = 2, COLUMNS = HEAD_SIZE / 8, TILE = 64 * HEAD_SIZE;

// Where one head of one image has its rows: queries, keys and values `width` apart, in qkv as in its gradient.
struct Head {
    const bf16 *qkv, *o, *dO;
    bf16* d_qkv;
    const float* log_sum_exp;
    int width;  // of a row of o and dO; a row of qkv is three times as wide
};

__device__ __forceinline__ Head this_head(
    const bf16* qkv, const bf16* output, const float* log_sum_exp, const bf16* d_output, bf16* d_qkv, int heads, int tokens)
{
    int width = heads * HEAD_SIZE;
    long long row = (long long)blockIdx.z * tokens, at = row * width + blockIdx.y * HEAD_SIZE, at_qkv = at + 2 * row * width;
    return {qkv + at_qkv, output + at, d_output + at, d_qkv + at_qkv,
            log_sum_exp + ((long long)blockIdx.z * heads + blockIdx.y) * tokens, width};
}

// What a query's row of scores needs: lse in powers of two, so that P = 2^(s c - lse2), and delta = the sum of dO * O.
struct RowStatistics { float lse2, delta; };

// Of queries [first, first + rows), 4 lanes a row. Queries past the last token get lse = infinity, hence weights of zero.
__device__ __forceinline__ void row_statistics(RowStatistics* statistics, const Head& head, int first, int rows, int tokens)
{
    for (int row = threadIdx.x / 4; row < rows; row += blockDim.x / 4) {
        int token = first + row, offset = token * head.width;
        float dot = 0;
        if (token < tokens)
            for (int chunk = threadIdx.x % 4; chunk < COLUMNS; chunk += 4) {
                Chunk o = *(const Chunk*)(head.o + offset + chunk * 8), gradient = *(const Chunk*)(head.dO + offset + chunk * 8);
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    dot += unpack_bf16_low(o.words[i]) * unpack_bf16_low(gradient.words[i]);
                    dot += unpack_bf16_high(o.words[i]) * unpack_bf16_high(gradient.words[i]);
                }
            }

        dot += shuffle_xor(dot, 1);
        dot += shuffle_xor(dot, 2);
        if (threadIdx.x % 4 == 0) statistics[row] = {token < tokens ? head.log_sum_exp[token] * LOG2_E : infinity(), dot};
    }
}

// exp(S - lse) for one raw score. A weight is at most one, which also keeps the weights of the zero rows past the last key
// finite: they multiply zeros or end in rows that are not stored. So no mask is needed.
__device__ __forceinline__ float weight(float s, float lse2, float scale_log2) { return exp2_fast(fminf(s * scale_log2 - lse2, 0)); }

// ---- One warp, its keys down, STEP queries across --------------------------------------------------------------------
constexpr int KEY_ROWS = 16 * KEY_TILES, ACROSS = STEP / 8;

// P^T from S^T. A lane has columns 2t, 2t+1 of each 8 queries, and rows g, g+8 of each 16 keys.
__device__ __forceinline__ void weights_by_keys(float (&s)[KEY_TILES][ACROSS][4], const RowStatistics* statistics, float scale_log2)
{
#pragma unroll
    for (int n = 0; n < ACROSS; n++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float lse2 = statistics[8 * n + 2 * (lane_index() % 4) + i % 2].lse2;
#pragma unroll
            for (int m = 0; m < KEY_TILES; m++) s[m][n][i] = weight(s[m][n][i], lse2, scale_log2);
        }
}

// dS^T = P^T * (dP^T - delta), over dP^T. P^T is taken as rounded for dV: 32 rows of it in float would not fit beside dK and dV.
__device__ __forceinline__ void score_gradients_by_keys(
    float (&dp)[KEY_TILES][ACROSS][4], const unsigned (&p)[KEY_TILES][ACROSS / 2][4], const RowStatistics* statistics)
{
    const RowStatistics* mine = statistics + 2 * (lane_index() % 4);
#pragma unroll
    for (int n = 0; n < ACROSS; n++) {
        float left = mine[8 * n].delta, right = mine[8 * n + 1].delta;
#pragma unroll
        for (int m = 0; m < KEY_TILES; m++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                unsigned pair = p[m][n / 2][n % 2 * 2 + half];
                dp[m][n][2 * half] = unpack_bf16_low(pair) * (dp[m][n][2 * half] - left);
                dp[m][n][2 * half + 1] = unpack_bf16_high(pair) * (dp[m][n][2 * half + 1] - right);
            }
    }
}

// Leaves dS^T of the warp's keys where other warps will read it: a tile of keys by 64 queries.
__device__ __forceinline__ void publish_score_gradients(
    bf16* tile, const unsigned (&ds)[KEY_TILES][ACROSS / 2][4], int row, int query)
{
    int g = lane_index() / 4, t = lane_index() % 4;
#pragma unroll
    for (int m = 0; m < KEY_TILES; m++)
#pragma unroll
        for (int k = 0; k < ACROSS / 2; k++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                int key = row + 16 * m + g + i % 2 * 8, chunk = query / 8 + 2 * k + i / 2;
                *(unsigned*)(tile + tile_offset<QUERY_TILE>(key, chunk) + 2 * t) = ds[m][k][i];
            }
}

// dQ of a query tile, once all warps have published: 64 x HEAD_SIZE results of sums over all keys, cut into pieces of 16 rows
// that the warps take in turn. The query tile is not needed any more and buffers the results.
__device__ __forceinline__ void query_gradients(
    const bf16* ds, const bf16* keys, int key_count, bf16* queries, const Head& head, int first, int tokens, float scale)
{
    constexpr int columns = HEAD_SIZE % 32 == 0 ? 32 : 16, across = HEAD_SIZE / columns, pieces = QUERY_TILE / 16 * across;
    for (int piece = warp_index(); piece < pieces; piece += blockDim.x / WARP) {
        int row = piece / across * 16, column = piece % across * columns;
        float dq[1][columns / 8][4];
        clear(dq);
        for (int key = 0; key < key_count; key += 16) {
            unsigned a[4];
            load_matrix_x4_transposed(a, across_first<QUERY_TILE>(ds, key, row));
#pragma unroll
            for (int n = 0; n < columns / 8; n += 2) {
                unsigned b[4];
                load_matrix_x4_transposed(b, down_first<HEAD_SIZE>(keys, key, column + 8 * n));
                multiply_16(dq[0][n], dq[0][n + 1], a, b);
            }
        }

        store_rows(dq[0], scale, scale, queries, row, column, head.d_qkv, 3 * head.width, first + row, tokens);
    }
}

extern "C" __global__ void __launch_bounds__(256, 1) attention_backward_keys(
    const bf16* __restrict__ qkv, const bf16* __restrict__ output, const float* __restrict__ log_sum_exp,
    const bf16* __restrict__ d_output, bf16* __restrict__ d_qkv, int heads, int tokens, float scale)
{
    SHARED_MEMORY(memory);
    Head head = this_head(qkv, output, log_sum_exp, d_output, d_qkv, heads, tokens);
    int block_rows = blockDim.x / WARP * KEY_ROWS, block_row = blockIdx.x * block_rows, row = warp_index() * KEY_ROWS;
    int tiles = (tokens + QUERY_TILE - 1) / QUERY_TILE;

    // What has a fixed size comes first: the addresses of the walk are then constants beside the lane's own offsets.
    bf16* queries = (bf16*)memory;
    bf16* gradients = queries + STAGES * TILE;
    bf16* keys = gradients + STAGES * TILE;
    bf16* values = keys + block_rows * HEAD_SIZE;
    bf16* ds_tile = values + block_rows * HEAD_SIZE;
    RowStatistics* statistics = (RowStatistics*)(ds_tile + (RESIDENT ? block_rows * QUERY_TILE : 0));

    auto load_queries = [&](int tile) {
        load_tile<HEAD_SIZE>(queries + tile % STAGES * TILE, head.qkv, 3 * head.width, tile * QUERY_TILE, QUERY_TILE, tokens);
        load_tile<HEAD_SIZE>(gradients + tile % STAGES * TILE, head.dO, head.width, tile * QUERY_TILE, QUERY_TILE, tokens);
        copy_async_commit();
    };

    load_tile<HEAD_SIZE>(keys, head.qkv + head.width, 3 * head.width, block_row, block_rows, tokens);
    load_tile<HEAD_SIZE>(values, head.qkv + 2 * head.width, 3 * head.width, block_row, block_rows, tokens);
    load_queries(0);
    row_statistics(statistics, head, 0, tiles * QUERY_TILE, tokens);

    float dk[KEY_TILES][COLUMNS][4], dv[KEY_TILES][COLUMNS][4];
    clear(dk);
    clear(dv);
    for (int tile = 0; tile < tiles; tile++) {
        copy_async_wait<0>();
        block_barrier();  // this tile is loaded, and the previous one is no longer read
        if (tile + 1 < tiles) load_queries(tile + 1);
        bf16 *q = queries + tile % STAGES * TILE, *dO = gradients + tile % STAGES * TILE;
#pragma unroll 1
        for (int step = 0; step < QUERY_TILE; step += STEP) {
            const RowStatistics* across = statistics + tile * QUERY_TILE + step;
            float p[KEY_TILES][ACROSS][4], ds[KEY_TILES][ACROSS][4];
            unsigned packed[KEY_TILES][ACROSS / 2][4];
            clear(p);
            dot_rows(p, keys, row, q, step);
            weights_by_keys(p, across, scale * LOG2_E);
            pack_weights(packed, p);
            add_weighted_rows(dv, packed, dO, step);

            clear(ds);
            dot_rows(ds, values, row, dO, step);
            score_gradients_by_keys(ds, packed, across);
            pack_weights(packed, ds);
            add_weighted_rows(dk, packed, q, step);
            if (RESIDENT) publish_score_gradients(ds_tile, packed, row, step);
        }

        if (RESIDENT) {
            block_barrier();
            query_gradients(ds_tile, keys, block_rows, q, head, tile * QUERY_TILE, tokens, scale);
        }
    }

    block_barrier();  // the last dQ is done with the keys; each warp's own rows now carry its results out
#pragma unroll
    for (int m = 0; m < KEY_TILES; m++) {
        int r = row + 16 * m;
        store_rows(dk[m], scale, scale, keys, r, 0, head.d_qkv + head.width, 3 * head.width, block_row + r, tokens);
        store_rows(dv[m], 1, 1, values, r, 0, head.d_qkv + 2 * head.width, 3 * head.width, block_row + r, tokens);
    }
}

// ---- One warp, 16 queries down, STEP keys across ---------------------------------------------------------------------
// dS = P * (dP - delta) with P = 2^(s c - lse2), over dP; a lane has two rows of queries here, and the keys lie across.
__device__ __forceinline__ void score_gradients_by_queries(
    float (&dp)[1][ACROSS][4], const float (&s)[1][ACROSS][4], const RowStatistics* statistics, float scale_log2)
{
#pragma unroll
    for (int half = 0; half < 2; half++) {
        RowStatistics mine = statistics[lane_index() / 4 + 8 * half];
#pragma unroll
        for (int n = 0; n < ACROSS; n++)
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; i++)
                dp[0][n][i] = weight(s[0][n][i], mine.lse2, scale_log2) * (dp[0][n][i] - mine.delta);
    }
}

extern "C" __global__ void __launch_bounds__(128) attention_backward_queries(
    const bf16* __restrict__ qkv, const bf16* __restrict__ output, const float* __restrict__ log_sum_exp,
    const bf16* __restrict__ d_output, bf16* __restrict__ d_qkv, int heads, int tokens, float scale)
{
    SHARED_MEMORY(memory);
    Head head = this_head(qkv, output, log_sum_exp, d_output, d_qkv, heads, tokens);
    int block_rows = blockDim.x / WARP * 16, block_row = blockIdx.x * block_rows, row = warp_index() * 16;
    int tiles = (tokens + KEY_TILE - 1) / KEY_TILE, places = min(tiles, STAGES);

    bf16* queries = (bf16*)memory;
    bf16* gradients = queries + block_rows * HEAD_SIZE;
    bf16* keys = gradients + block_rows * HEAD_SIZE;
    bf16* values = keys + places * TILE;
    RowStatistics* statistics = (RowStatistics*)(values + places * TILE);

    auto load_keys = [&](int tile) {
        load_tile<HEAD_SIZE>(keys + tile % STAGES * TILE, head.qkv + head.width, 3 * head.width, tile * KEY_TILE, KEY_TILE, tokens);
        load_tile<HEAD_SIZE>(values + tile % STAGES * TILE, head.qkv + 2 * head.width, 3 * head.width, tile * KEY_TILE, KEY_TILE, tokens);
        copy_async_commit();
    };

    load_tile<HEAD_SIZE>(queries, head.qkv, 3 * head.width, block_row, block_rows, tokens);
    load_tile<HEAD_SIZE>(gradients, head.dO, head.width, block_row, block_rows, tokens);
    load_keys(0);
    row_statistics(statistics, head, block_row, block_rows, tokens);

    unsigned q_rows[1][HEAD_SIZE / 16][4], dO_rows[1][HEAD_SIZE / 16][4];
    float dq[1][COLUMNS][4];
    clear(dq);
    for (int tile = 0; tile < tiles; tile++) {
        copy_async_wait<0>();
        block_barrier();
        if (tile + 1 < tiles) load_keys(tile + 1);
        if (tile == 0) {
            load_rows(q_rows, queries, row);
            load_rows(dO_rows, gradients, row);
        }

        const bf16 *k = keys + tile % STAGES * TILE, *v = values + tile % STAGES * TILE;
#pragma unroll 1
        for (int step = 0; step < KEY_TILE; step += STEP) {
            float s[1][ACROSS][4], ds[1][ACROSS][4];
            clear(s);
            dot_rows(s, q_rows, k, step);
            clear(ds);
            dot_rows(ds, dO_rows, v, step);
            score_gradients_by_queries(ds, s, statistics + row, scale * LOG2_E);
            unsigned packed[1][ACROSS / 2][4];
            pack_weights(packed, ds);
            add_weighted_rows(dq, packed, k, step);
        }
    }

    store_rows(dq[0], scale, scale, queries, row, 0, head.d_qkv, 3 * head.width, block_row + row, tokens);
}
